import { DomainError, type FieldError } from '#libs/platform';
import { checkRequired, checkVariables } from './domain/template.js';
import { makeRenderer } from './renderer.js';

const maxLength = 200_000;

/** MJML with Liquid in it → HTML with Liquid left in place. Refuses with every problem and its field. */
export async function compileTemplate(template: { subject: string; mjml: string }): Promise<{ html: string }> {
  const { subject, mjml } = template;
  const errors: FieldError[] = [];
  if (subject.trim() === '' || subject.length > 300 || /[\r\n]/.test(subject))
    errors.push({ path: 'subject', code: 'bad-subject', message: 'one line of 1 to 300 characters' });
  if (mjml.length > maxLength)
    errors.push({ path: 'mjml', code: 'too-long', message: `more than ${maxLength} characters` });
  if (errors.length) throw refuse(errors);
  // large packages, and only whoever saves a template needs them
  const [{ default: mjml2html }, liquid, htmlToText] = await Promise.all([
    import('mjml'),
    import('liquidjs'),
    import('html-to-text'),
  ]);
  const renderer = makeRenderer(liquid, htmlToText);
  let html = '';
  try {
    const compiled = await mjml2html(mjml, { validationLevel: 'soft' });
    for (const problem of compiled.errors ?? [])
      errors.push({ path: 'mjml', code: 'bad-mjml', message: problem.formattedMessage });
    html = compiled.html;
  } catch (error) {
    errors.push({ path: 'mjml', code: 'bad-mjml', message: (error as Error).message });
  }
  const read = (path: string, source: string): string[] => {
    try {
      const variables = renderer.variables(source);
      errors.push(...checkVariables(variables, path));
      return variables;
    } catch (error) {
      errors.push({ path, code: 'bad-liquid', message: (error as Error).message });
      return [];
    }
  };
  read('subject', subject);
  if (html) errors.push(...checkRequired(read('mjml', html)));
  if (errors.length) throw refuse(errors);
  return { html };
}

const refuse = (errors: FieldError[]): DomainError =>
  new DomainError('template-invalid', `The template has ${errors.length} problem(s).`, {
    status: 422,
    path: errors[0]?.path,
    errors,
  });
