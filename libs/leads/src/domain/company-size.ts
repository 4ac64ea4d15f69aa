import type { Json } from './event.js';
import { foldText } from './text.js';

const most = 10_000_000;

/**
 * The least number of employees that an answer vouches for: 100 for 100, "100-299", "100名以上"; 1 for "50名未満", which
 * vouches for no more. Undefined where it names no number.
 */
export function employeesOf(answer: Json): number | undefined {
  if (typeof answer === 'number')
    return Number.isFinite(answer) && answer >= 0 ? Math.min(most, Math.floor(answer)) : undefined;
  if (typeof answer !== 'string') return undefined;
  const text = foldText(answer.slice(0, 200)).replace(/(\d)[,，](?=\d{3})/g, '$1');
  const first = /(\d{1,9})\s*(万|千|k\b)?/.exec(text);
  if (!first) return undefined;
  const hasRange = /\d\s*(万|千|名|人)*\s*[-~〜～–—―ー]\s*\d|\d\s*to\s*\d/.test(text);
  const onlyUpper = /未満|以下|まで|less than|under|fewer|up to|below|<|^\s*[-~〜～–]/.test(text);
  if (onlyUpper && !hasRange && !/以上|over|more than/.test(text)) return 1;
  const unit = first[2] === '万' ? 10_000 : first[2] === undefined ? 1 : 1000;
  return Math.min(most, Number(first[1]) * unit);
}
