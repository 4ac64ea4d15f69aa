import { StandardSchemaValidationPipe } from '@nestjs/common';
import { DomainError, type FieldError } from '#libs/platform';

const maxErrors = 50;

/** Every schema at the edge is zod; a refusal names each field's path. */
export const validationPipe = () =>
  new StandardSchemaValidationPipe({
    exceptionFactory: (issues) => {
      const errors: FieldError[] = issues.slice(0, maxErrors).map((issue) => ({
        path: (issue.path ?? []).map((segment) => String(typeof segment === 'object' ? segment.key : segment)).join('.'),
        code: 'invalid',
        message: issue.message,
      }));
      return new DomainError('invalid-input', errors.map((e) => (e.path ? `${e.path}: ${e.message}` : e.message)).join('; '), {
        status: 400,
        errors,
      });
    },
  });
