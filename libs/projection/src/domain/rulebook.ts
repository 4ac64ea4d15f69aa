import { isMap, LineCounter, parseDocument } from 'yaml';
import type { z } from 'zod';
import type { Condition } from '#libs/leads/domain';
import type { FieldError } from '#libs/platform/domain';
import { checkRulebook } from './check.js';
import { rulebookDocument, type RulebookDocument } from './rulebook-document.js';

export type ParsedRulebook =
  { document: RulebookDocument; errors?: undefined } | { document?: undefined; errors: FieldError[] };

const maxLength = 1_000_000;

/** YAML or JSON. Every problem is named by its path. */
export function parseRulebook(text: string): ParsedRulebook {
  if (text.length > maxLength)
    return { errors: [{ path: '', code: 'too-long', message: `is longer than ${maxLength} characters` }] };
  // the reader of YAML recurses, and takes seconds to give up on a document that is all brackets
  if (bracketDepth(text) > 200)
    return { errors: [{ path: '', code: 'too-deep', message: 'is nested more than 60 levels deep' }] };
  const lines = new LineCounter();
  const yaml = parseDocument(text, { lineCounter: lines, uniqueKeys: true, strict: true });
  if (yaml.errors.length > 0)
    return {
      errors: yaml.errors.map((error) => {
        const at = lines.linePos(error.pos[0]);
        return {
          path: '',
          code: 'syntax',
          message: `line ${at.line}, column ${at.col}: ${error.message.split('\n')[0]!.replace(/ at line .*$/, '')}`,
        };
      }),
    };
  if (!isMap(yaml.contents))
    return { errors: [{ path: '', code: 'no-object', message: 'the document is no map of settings' }] };
  let plain: unknown;
  try {
    plain = yaml.toJS({ maxAliasCount: 100 });
  } catch (error) {
    return { errors: [{ path: '', code: 'syntax', message: (error as Error).message }] };
  }
  return validateRulebook(plain);
}

/** The same for a document that is already an object, such as a request's body or a stored version. */
export function validateRulebook(plain: unknown): ParsedRulebook {
  if (depthOf(plain) > 60)
    return { errors: [{ path: '', code: 'too-deep', message: 'is nested more than 60 levels deep' }] };
  const parsed = rulebookDocument.safeParse(plain);
  if (!parsed.success) return { errors: parsed.error.issues.flatMap(errorsOf) };
  const errors = checkRulebook(parsed.data);
  return errors.length > 0 ? { errors } : { document: parsed.data };
}

function errorsOf(issue: z.core.$ZodIssue): FieldError[] {
  const path = issue.path.map(String);
  if (issue.code === 'unrecognized_keys')
    return issue.keys.map((key) => ({
      path: [...path, key].join('.'),
      code: 'unknown-key',
      message: 'is not known here',
    }));
  const missing = issue.code === 'invalid_type' && issue.input === undefined && /undefined$/.test(issue.message);
  return [
    {
      path: path.join('.'),
      code: missing ? 'missing' : issue.code.replaceAll('_', '-'),
      message: missing ? 'is missing' : issue.message,
    },
  ];
}

function depthOf(value: unknown, depth = 0): number {
  if (typeof value !== 'object' || value === null || depth > 60) return depth;
  let deepest = depth;
  for (const child of Object.values(value)) deepest = Math.max(deepest, depthOf(child, depth + 1));
  return deepest;
}

export type { Condition };

/** Brackets inside of texts count too: no rulebook leaves hundreds of them open. */
function bracketDepth(text: string): number {
  let depth = 0;
  let deepest = 0;
  for (const bracket of text.match(/[[\]{}]/g) ?? []) {
    depth = bracket === '[' || bracket === '{' ? depth + 1 : Math.max(0, depth - 1);
    deepest = Math.max(deepest, depth);
  }
  return deepest;
}
