import { attributeWords, type HeldMove, type Locale } from '#libs/leads/domain';
import type { Approver } from '#libs/funnel/domain';
import { labelOf, type CompiledRulebook } from './compile.js';

/** Why a move to a stage waits, and for what. */
export interface HeldExplanation {
  stage: string;
  label: string;
  /** ms. */
  since: number | null;
  askedBy: 'condition' | 'outcome';
  missing: { attribute: string; label: string }[];
  /** Who has yet to approve. */
  approver: Approver | null;
  text: string;
}

const people = { ja: { sales: '営業', marketing: 'マーケティング' }, en: { sales: 'sales', marketing: 'marketing' } };

export function explainHeld(
  held: readonly HeldMove[],
  rulebook: CompiledRulebook,
  known: (attribute: string) => boolean,
  locale: Locale,
): HeldExplanation[] {
  return held.flatMap((move) => {
    const stage = rulebook.funnel.stages.find(({ name }) => name === move.stage);
    if (!stage) return [];
    const { requires = [], approver } = stage.rule;
    const asked = move.outcome !== undefined;
    const waiting = approver && move.approved === undefined && !(asked && approver === 'sales') ? approver : null;
    const told = {
      stage: move.stage,
      label: labelOf(rulebook.document, move.stage, locale) ?? move.stage,
      since: move.at ?? null,
      askedBy: asked ? ('outcome' as const) : ('condition' as const),
      missing: requires
        .filter((attribute) => !known(attribute))
        .map((attribute) => ({ attribute, label: attributeWords(attribute, locale) })),
      approver: waiting,
    };
    return [{ ...told, text: words(told, locale) }];
  });
}

function words({ label, missing, approver }: Omit<HeldExplanation, 'text'>, locale: Locale): string {
  const names = missing.map((one) => one.label);
  if (locale === 'ja') {
    const parts = [
      ...(names.length > 0 ? [`${names.join('・')}が未入力`] : []),
      ...(approver ? [`${people.ja[approver]}の承認待ち`] : []),
    ];
    return `「${label}」への移動は保留中：${parts.join('、')}`;
  }
  const parts = [
    ...(names.length > 0 ? [`${names.join(', ')} missing`] : []),
    ...(approver ? [`${people.en[approver]} must approve`] : []),
  ];
  return `the move to ${label} is held: ${parts.join('; ')}`;
}
