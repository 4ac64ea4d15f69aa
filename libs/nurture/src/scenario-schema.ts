import { z } from 'zod';
import { conditionJsonSchema } from '#libs/leads/domain';
import { scenarioSchema } from './domain/scenario.js';

type Schema = Record<string, unknown> & { $defs?: Record<string, unknown> };

/** JSON Schema of a scenario document, for editors; committed as `schemas/scenario.schema.json`. */
export function scenarioJsonSchema(): object {
  const scenario = z.toJSONSchema(scenarioSchema, { io: 'input', unrepresentable: 'any' }) as Schema;
  const {
    $defs: inner,
    $schema: _,
    ...condition
  } = z.toJSONSchema(conditionJsonSchema, { io: 'input', unrepresentable: 'any' }) as Schema;
  return { title: 'Leadfold scenario', ...scenario, $defs: { ...inner, ...scenario.$defs, Condition: condition } };
}
