import {
  attributeWords,
  frameworkLabel,
  isGap,
  questionLabel,
  stampedAnswer,
  type Answer,
  type Framework,
  type LeadState,
  type Locale,
  type QualificationLevel,
} from '#libs/leads/domain';
import type { LeadFacts } from './facts.js';

export interface MissingField {
  attribute: string;
  label: string;
}

export interface QuestionStanding {
  name: string;
  label: string;
  level: QualificationLevel;
  answer: Answer['answer'] | null;
  grade: Answer['grade'] | null;
  gap: boolean;
  /** ms, and the event that said it. */
  answeredAt: number | null;
  event: string | null;
}

export interface FrameworkStanding {
  name: string;
  label: string;
  /** For the channel by which the lead came. */
  recommended: boolean;
  answered: number;
  gaps: number;
  questions: QuestionStanding[];
}

/** How a lead came, what should be known of it and is not, and what was asked and answered. */
export interface Qualification {
  channel: { name: string; label: string } | null;
  missing: MissingField[];
  frameworks: FrameworkStanding[];
}

/** The first channel that holds is the lead's. */
const channelOf = (facts: LeadFacts) => facts.rulebook.channels.find(({ when }) => when.evaluate(facts))?.channel;

export function missingFields(facts: LeadFacts, locale: Locale): MissingField[] {
  const channel = channelOf(facts);
  const missing = (channel?.fields ?? [])
    .filter((attribute) => !facts.known(attribute))
    .map((attribute) => ({ attribute, label: attributeWords(attribute, locale) }));
  const consent = channel?.consent;
  if (consent === undefined || facts.state.consent[consent]?.value.state === 'granted') return missing;
  return [...missing, { attribute: `consent.${consent}`, label: locale === 'ja' ? '同意' : 'consent' }];
}

export function qualify(facts: LeadFacts, locale: Locale): Qualification {
  const channel = channelOf(facts);
  const recommended = channel?.frameworks ?? [];
  const standings = (facts.rulebook.document.frameworks ?? []).map((framework) =>
    standingOf(framework, facts.state, recommended.includes(framework.name), locale),
  );
  const place = ({ name }: FrameworkStanding) => (recommended.includes(name) ? recommended.indexOf(name) : Infinity);
  return {
    channel: channel ? { name: channel.name, label: channel.label?.[locale] ?? channel.name } : null,
    missing: missingFields(facts, locale),
    frameworks: standings.sort((a, b) => (place(a) === place(b) ? 0 : place(a) - place(b))),
  };
}

function standingOf(framework: Framework, state: LeadState, recommended: boolean, locale: Locale): FrameworkStanding {
  const questions = framework.questions.map(({ name, level }): QuestionStanding => {
    const stamped = stampedAnswer(state, framework.name, name);
    return {
      name,
      label: questionLabel(framework, name, locale),
      level: stamped?.value.level ?? level,
      answer: stamped?.value.answer ?? null,
      grade: stamped?.value.grade ?? null,
      gap: isGap(stamped?.value),
      answeredAt: stamped?.at ?? null,
      event: stamped?.event ?? null,
    };
  });
  return {
    name: framework.name,
    label: frameworkLabel(framework, locale),
    recommended,
    answered: questions.filter((question) => question.answer !== null).length,
    gaps: questions.filter((question) => question.gap).length,
    questions,
  };
}
