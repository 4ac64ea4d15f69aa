import { StandardSchemaValidationPipe, type ArgumentMetadata } from '@nestjs/common';
import type { StandardSchemaV1 } from '@standard-schema/spec';
import { DomainError, type FieldError } from '#libs/platform';
import { badInput } from './bad-input.js';

const maxErrors = 50;

/** Every schema at the edge is zod; a refusal names each field's path. */
export const validationPipe = () =>
  new InputPipe({
    exceptionFactory: (issues) => {
      const errors = issues.slice(0, maxErrors).map(fieldErrorOf);
      return new DomainError(
        'invalid-input',
        errors.map((e) => (e.path ? `${e.path}: ${e.message}` : e.message)).join('; '),
        {
          status: 400,
          errors,
        },
      );
    },
  });

class InputPipe extends StandardSchemaValidationPipe {
  /** Also for what no schema describes, and before one walks into it. */
  override async transform<T>(value: T, metadata: ArgumentMetadata): Promise<T> {
    if (metadata.type !== 'custom') {
      const error = badInput(value);
      if (error)
        throw new DomainError('invalid-input', error.path ? `${error.path}: ${error.message}` : error.message, {
          status: 400,
          errors: [error],
        });
    }
    return super.transform(value, metadata) as Promise<T>;
  }
}

function fieldErrorOf(issue: StandardSchemaV1.Issue): FieldError {
  const path = (issue.path ?? []).map((segment) => String(typeof segment === 'object' ? segment.key : segment));
  // zod names an unknown field in `keys`, not in the path
  const { code = 'invalid', keys = [] } = issue as { code?: string; keys?: string[] };
  return { path: [...path, ...keys.slice(0, 1)].join('.'), code: code.replaceAll('_', '-'), message: issue.message };
}
