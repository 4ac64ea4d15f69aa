import type { Condition } from '#libs/leads/domain';
import type { RulebookDocument } from './rulebook-document.js';

type Path = readonly (string | number)[];
type Report = (path: Path, code: string, message: string) => void;

const ofOne = ['graded', 'equals', 'in', 'gte', 'gt', 'lte', 'lt', 'contains', 'matches'] as const;

/** A condition over answers names a framework and a question that exist, and tests that fit them. */
export function checkQualification(node: Condition, path: Path, document: RulebookDocument, report: Report): void {
  if (!('qualification' in node)) return;
  const [name, question] = node.qualification.split('.');
  const framework = document.frameworks?.find((one) => one.name === name);
  if (!framework) {
    report([...path, 'qualification'], 'unknown-framework', `there is no framework ${JSON.stringify(name)}`);
    return;
  }
  if (question !== undefined && !framework.questions.some((one) => one.name === question))
    report([...path, 'qualification'], 'unknown-question', `${name} has no question ${JSON.stringify(question)}`);
  if (question !== undefined && node.answers)
    report([...path, 'answers'], 'not-of-a-question', 'counts the answers of a framework, not of one question');
  if (question === undefined)
    for (const test of ofOne)
      if (node[test] !== undefined)
        report([...path, test], 'not-of-a-framework', 'reads one answer: name the question, framework.question');
}

/** Names are there once, and channels name frameworks that exist. */
export function checkFrameworks(document: RulebookDocument, report: Report): void {
  const { frameworks = [], channels = [] } = document;
  const once = (names: readonly string[], at: (index: number) => Path): void => {
    for (const [index, name] of names.entries())
      if (names.indexOf(name) !== index) report(at(index), 'doubled', `${name} is named twice`);
  };
  once(
    frameworks.map((framework) => framework.name),
    (index) => ['frameworks', index, 'name'],
  );
  for (const [index, framework] of frameworks.entries())
    once(
      framework.questions.map((question) => question.name),
      (at) => ['frameworks', index, 'questions', at, 'name'],
    );
  once(
    channels.map((channel) => channel.name),
    (index) => ['channels', index, 'name'],
  );
  for (const [index, channel] of channels.entries())
    for (const [at, name] of (channel.frameworks ?? []).entries())
      if (!frameworks.some((framework) => framework.name === name))
        report(
          ['channels', index, 'frameworks', at],
          'unknown-framework',
          `there is no framework ${JSON.stringify(name)}`,
        );
}
