import {
  compileSignal,
  compileCondition,
  indexSignals,
  type CompiledCondition,
  type CompiledSignal,
  type Condition,
  type ConditionContext,
  type Locale,
  type SignalIndex,
  type Zone,
} from '#libs/leads/domain';
import type { Funnel } from '#libs/funnel/domain';
import {
  compileEngagement,
  compileFit,
  compileMatrix,
  compileScore,
  type Engagement,
  type Fit,
  type ScoreFormula,
} from '#libs/scoring/domain';
import { readersOfStage } from '#libs/segments/domain';
import { compileAccountRule, type CompiledAccountRule } from './account-compile.js';
import { profileHashOf } from './fold-context.js';
import type { ChannelDefinition } from './channel-document.js';
import type { RulebookDocument } from './rulebook-document.js';

export interface NamedCondition {
  readonly name: string;
  readonly when: CompiledCondition;
}

/** One version, ready to run; immutable, so each process compiles it once. */
export interface CompiledRulebook {
  readonly version: number;
  readonly document: RulebookDocument;
  readonly zone: Zone;
  readonly signals: SignalIndex;
  /** By name. */
  readonly signalNames: ReadonlyMap<string, CompiledSignal>;
  /** In the order of `SignalReader`'s slots. */
  readonly signalHashes: readonly string[];
  /** Of what it says about attributes: see `foldsFor`. */
  readonly profileHash: string;
  readonly conditions: ConditionContext;
  readonly engagement: Engagement;
  readonly fit: Fit;
  readonly score: ScoreFormula;
  readonly hot: readonly NamedCondition[];
  readonly warm: CompiledCondition;
  readonly rearm: CompiledCondition | undefined;
  readonly funnel: Funnel;
  readonly account: CompiledAccountRule;
  readonly segments: readonly NamedCondition[];
  /** In order of precedence. */
  readonly channels: readonly { channel: ChannelDefinition; when: CompiledCondition }[];
  readonly segmentIndex: ReadonlyMap<string, number>;
  /** Segments that read the stage, which is decided and not derived: they stay outside the state hash. */
  readonly stageSegments: ReadonlySet<string>;
}

/** `document` must have passed `parseRulebook`. */
export function compileRulebook(document: RulebookDocument, version: number, zone: Zone): CompiledRulebook {
  const compiled = Object.entries(document.signals).map(([name, definition]) => compileSignal(name, definition));
  const signalNames = new Map(compiled.map((signal) => [signal.name, signal]));
  const signalHashes = [...new Set(compiled.map((signal) => signal.hash))];
  const slotOf = (name: string): number => signalHashes.indexOf(signalNames.get(name)?.hash ?? '');
  const conditions: ConditionContext = {
    zone,
    signalSlot: slotOf,
    stages: document.stages.map((stage) => stage.name),
    frameworks: document.frameworks ?? [],
    labelOf: (name, locale) => labelOf(document, name, locale),
  };
  const compile = (condition: Condition) => compileCondition(condition, conditions);
  const named = (map: Record<string, Condition>): NamedCondition[] =>
    Object.keys(map)
      .sort()
      .map((name) => ({ name, when: compile(map[name]!) }));
  const segments = named(document.segments ?? {});
  return {
    version,
    document,
    zone,
    signals: indexSignals(compiled),
    signalNames,
    signalHashes,
    profileHash: profileHashOf(compiled, document.account?.domains),
    conditions,
    engagement: compileEngagement(document.engagement, document.groups ?? {}, slotOf),
    fit: compileFit(document.fit, document.grades, (rule) => compile(rule.when)),
    score: compileScore(document.score),
    hot: named(document.hot),
    warm: document.matrix ? compileMatrix(document.matrix, compile) : compile(document.warm!),
    rearm: document.rearm && compile(document.rearm),
    funnel: {
      stages: document.stages.map((rule) => ({ name: rule.name, rule, when: rule.when && compile(rule.when) })),
      recycleTo: document.recycleTo ?? (document.stages[1] ?? document.stages[0]!).name,
    },
    account: compileAccountRule(document.account, compile),
    segments,
    channels: (document.channels ?? []).map((channel) => ({ channel, when: compile(channel.when) })),
    segmentIndex: new Map(segments.map((segment, index) => [segment.name, index])),
    stageSegments: readersOfStage(document.segments ?? {}),
  };
}

/** What people call a signal, rule, segment or stage, if the document says so. */
export const labelOf = (document: RulebookDocument, name: string, locale: Locale): string | undefined =>
  (document.labels && Object.hasOwn(document.labels, name)
    ? document.labels[name]
    : document.stages.find((stage) => stage.name === name)?.label)?.[locale];
