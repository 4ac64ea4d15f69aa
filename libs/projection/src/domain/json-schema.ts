import { z } from 'zod';
import { conditionJsonSchema } from '#libs/leads/domain';
import { rulebookDocument } from './rulebook-document.js';

const options = { io: 'input', unrepresentable: 'any' } as const;

/** The published schema, for editors: the same definitions that validate, so that the two cannot differ. */
export function rulebookJsonSchema(): Record<string, unknown> {
  const schema = z.toJSONSchema(rulebookDocument, options) as { $defs: Record<string, unknown> } & Record<
    string,
    unknown
  >;
  const conditions = z.toJSONSchema(conditionJsonSchema, options);
  return {
    ...schema,
    $id: 'rulebook.schema.json',
    title: 'Leadfold rulebook',
    $defs: { ...schema.$defs, Condition: { anyOf: conditions.anyOf } },
  };
}
