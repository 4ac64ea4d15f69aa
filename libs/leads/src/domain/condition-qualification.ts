import type { QualificationCondition } from './condition.js';
import { valueTests, valueWords } from './condition-attribute.js';
import { never, type ConditionContext, type Facts, type Leaf, type Locale } from './condition-facts.js';
import { compiledComparison } from './condition-signal.js';
import { comparisonWords } from './condition-words.js';
import { answerGrades, answerReader, isGap, type Framework } from './qualification.js';

/** `bant` is all of a framework's questions, `bant.budget` is one of them. */
export function qualificationLeaf(node: QualificationCondition, { frameworks = [] }: ConditionContext): Leaf {
  const [name = '', question] = node.qualification.split('.');
  const framework = frameworks.find((one) => one.name === name) ?? { name, questions: [] };
  const asked = { ...node };
  if (Object.keys(node).length === 1) asked.answered = true;
  const answersOf = answersTo(framework);
  const answerTo = answerReader(name, question ?? '');
  const evaluate =
    question === undefined ? wholeTest(asked, framework.questions.length, answersOf) : questionTest(asked, answerTo);
  return {
    evaluate,
    nextFlip: () => never,
    timeless: true,
    isUnknown: ({ state }) => question !== undefined && answerTo(state) === undefined,
    describe: (locale) => describe(asked, framework, question, locale),
    actual({ state }, locale) {
      if (question !== undefined) {
        const answer = answerTo(state)?.value;
        return answer && `${String(answer.answer)}${answer.grade ? ` (${gradeWords[locale][answer.grade]})` : ''}`;
      }
      return `${answersOf(state).given}/${framework.questions.length}`;
    },
  };
}

/** How many questions of a framework are answered, and how many of its answers leave a gap. */
type AnswersOf = (state: Facts['state']) => { given: number; gaps: number };

function answersTo(framework: Framework): AnswersOf {
  const readers = framework.questions.map((question) => answerReader(framework.name, question.name));
  return (state) => {
    let given = 0;
    let gaps = 0;
    for (const read of readers) {
      const answer = read(state)?.value;
      if (answer !== undefined) given += 1;
      if (isGap(answer)) gaps += 1;
    }
    return { given, gaps };
  };
}

function wholeTest(
  { answered, gap, answers }: QualificationCondition,
  asked: number,
  answersOf: AnswersOf,
): Leaf['evaluate'] {
  const enough = answers && compiledComparison(answers);
  return ({ state }) => {
    const { given, gaps } = answersOf(state);
    if (answered !== undefined && (given === asked) !== answered) return false;
    if (gap !== undefined && gaps > 0 !== gap) return false;
    return enough === undefined || enough(given);
  };
}

function questionTest(node: QualificationCondition, answerTo: ReturnType<typeof answerReader>): Leaf['evaluate'] {
  const tests = valueTests(node);
  const { answered, gap, graded } = node;
  const accepted = new Set(
    graded === undefined
      ? []
      : typeof graded === 'string'
        ? [graded]
        : answerGrades.slice(0, answerGrades.indexOf(graded.atLeast) + 1),
  );
  return ({ state }) => {
    const given = answerTo(state)?.value;
    if (answered !== undefined && (given !== undefined) !== answered) return false;
    if (gap !== undefined && isGap(given) !== gap) return false;
    if (graded !== undefined && !(given?.grade !== undefined && accepted.has(given.grade))) return false;
    if (tests.length === 0) return true;
    return given !== undefined && tests.every((test) => test(given.answer));
  };
}

export const gradeWords = {
  ja: { good: '有望', fair: '普通', poor: '懸念' },
  en: { good: 'good', fair: 'fair', poor: 'poor' },
} as const;

export const frameworkLabel = (framework: Framework, locale: Locale): string =>
  framework.label?.[locale] ?? framework.name.toUpperCase();

export const questionLabel = (framework: Framework, question: string, locale: Locale): string =>
  framework.questions.find((one) => one.name === question)?.label?.[locale] ?? question;

function describe(
  node: QualificationCondition,
  framework: Framework,
  question: string | undefined,
  locale: Locale,
): string {
  const ja = locale === 'ja';
  const whole = frameworkLabel(framework, locale);
  const what =
    question === undefined ? whole : `${whole}${ja ? 'の' : ' '}${questionLabel(framework, question, locale)}`;
  const parts: string[] = [];
  if (node.answered !== undefined)
    parts.push(
      ja
        ? `${what}が${question === undefined ? 'すべて' : ''}${node.answered ? '回答済み' : '未回答'}`
        : `${what} ${node.answered ? '' : 'not '}${question === undefined ? 'fully ' : ''}answered`,
    );
  if (node.gap !== undefined)
    parts.push(ja ? `${what}に不足が${node.gap ? 'ある' : 'ない'}` : `${what} has ${node.gap ? 'a' : 'no'} gap`);
  if (node.answers)
    parts.push(
      ja
        ? `${what}の回答が${comparisonWords(node.answers, locale, '件')}`
        : `${what} answers ${comparisonWords(node.answers, locale)}`,
    );
  if (node.graded !== undefined) {
    const { graded } = node;
    const atLeast = typeof graded === 'object';
    const grade = gradeWords[locale][typeof graded === 'object' ? graded.atLeast : graded];
    parts.push(
      ja
        ? `${what}の評価が「${grade}」${atLeast ? '以上' : ''}`
        : `${what} graded ${atLeast ? 'at least ' : ''}${grade}`,
    );
  }
  parts.push(...valueWords(what, node, locale));
  return parts.join(ja ? '、かつ' : ' and ');
}
