import type { FieldError } from '#libs/platform/domain';

/** All a template may read (S7). */
export interface TemplateContext {
  lead: { family_name: string; given_name: string; display_name: string; company: string; position: string };
  sender_name: string;
  sender_address: string;
  /** The organisation's website, without a slash at its end. */
  site_url: string;
  unsubscribe_url: string;
}

export const declaredVariables = [
  'lead.family_name',
  'lead.given_name',
  'lead.display_name',
  'lead.company',
  'lead.position',
  'sender_name',
  'sender_address',
  'site_url',
  'unsubscribe_url',
] as const;

// the law asks every advertising mail to name its sender, his postal address and the way to refuse
const required = ['sender_name', 'sender_address', 'unsubscribe_url'];

/** `variables`: full paths the body reads. */
export function checkVariables(variables: readonly string[], path: string): FieldError[] {
  const unknown = variables.filter((v) => v !== 'lead' && !(declaredVariables as readonly string[]).includes(v));
  return unknown.map((v) => ({ path, code: 'unknown-variable', message: `a template cannot read ${v}` }));
}

export const checkRequired = (variables: readonly string[]): FieldError[] =>
  required
    .filter((name) => !variables.includes(name))
    .map((name) => ({ path: 'mjml', code: 'missing-variable', message: `the mail must show {{ ${name} }}` }));

/** A header is one line. */
export const subjectLine = (text: string): string => text.replace(/[\r\n\u2028\u2029\0]+/g, ' ').trim();
