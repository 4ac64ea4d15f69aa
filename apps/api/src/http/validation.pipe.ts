import { StandardSchemaValidationPipe } from '@nestjs/common';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { DomainError, type FieldError } from '#libs/platform';

const maxErrors = 50;

/** Every schema at the edge is zod; a refusal names each field's path. */
export const validationPipe = () =>
  new StandardSchemaValidationPipe({
    exceptionFactory: (issues) => {
      const errors = issues.slice(0, maxErrors).map(fieldErrorOf);
      return new DomainError('invalid-input', errors.map((e) => (e.path ? `${e.path}: ${e.message}` : e.message)).join('; '), {
        status: 400,
        errors,
      });
    },
  });

function fieldErrorOf(issue: StandardSchemaV1.Issue): FieldError {
  const path = (issue.path ?? []).map((segment) => String(typeof segment === 'object' ? segment.key : segment));
  // zod names an unknown field in `keys`, not in the path
  const { code = 'invalid', keys = [] } = issue as { code?: string; keys?: string[] };
  return { path: [...path, ...keys.slice(0, 1)].join('.'), code: code.replaceAll('_', '-'), message: issue.message };
}
