import { compileCondition, type CompiledCondition, type Condition } from '#libs/leads/domain';
import type { Queryable } from '#libs/platform';
import { checkNode, factsOf, liveRulebook, readCompanies, type CompiledRulebook } from '#libs/projection';
import { nodesOf } from '#libs/segments/domain';
import type { Vocabulary } from './domain/check-scenario.js';
import type { ConditionJudge } from './lead-view.store.js';

const compiled = new WeakMap<Condition, { rulebook: CompiledRulebook; condition: CompiledCondition }>();

/** The live rulebook judges the conditions of scenarios, by the same code as its own. */
export const judgeByRulebook: ConditionJudge = async (db, companiesOf) => {
  const rulebook = await liveRulebook(db);
  const states = [...(companiesOf?.records ?? [])].map(({ state }) => state);
  const companyOf = companiesOf && (await readCompanies(db, states, rulebook, companiesOf.now));
  return (condition, record, now) => {
    let known = compiled.get(condition);
    if (known?.rulebook !== rulebook) {
      known = { rulebook, condition: compileCondition(condition, rulebook.conditions) };
      compiled.set(condition, known);
    }
    return known.condition.evaluate(factsOf(record.state, rulebook, record.memory, now, companyOf?.(record.state)));
  };
};

/** What a scenario may refer to right now: the live rulebook's names and the saved templates. */
export async function readVocabulary(db: Queryable): Promise<Vocabulary> {
  const rulebook = await liveRulebook(db);
  const { document } = rulebook;
  const templates = await db.query<{ name: string }>('select distinct name from template_version');
  return {
    signals: new Set(rulebook.signalNames.keys()),
    segments: new Set(rulebook.segmentIndex.keys()),
    templates: new Set(templates.rows.map((row) => row.name)),
    mailSignals: new Set(
      Object.entries(document.signals)
        .filter(([, signal]) => ofMails(signal))
        .map(([name]) => name),
    ),
    checkCondition(condition, path) {
      const errors: ReturnType<Vocabulary['checkCondition']> = [];
      for (const { node, path: at } of nodesOf(condition, path.split('.')))
        checkNode(
          node,
          at,
          document,
          document.stages.map((stage) => stage.name),
          (where, code, message) => errors.push({ path: where.join('.'), code, message }),
        );
      return errors;
    },
  };
}

const hitNames = ['Email Opened', 'Email Clicked'];

/** A pattern that an open or click of our own mail may match. */
function ofMails(signal: { event?: unknown; name?: unknown }): boolean {
  if (signal.event !== 'track') return false;
  if (signal.name === undefined) return true;
  const names: unknown[] = Array.isArray(signal.name) ? signal.name : [signal.name];
  return names.some((name) => typeof name !== 'string' || hitNames.includes(name));
}
