import type { JsonObject } from '#libs/leads/domain';
import type { Locale } from './alert-content.js';

const text = (value: unknown): string | undefined => (typeof value === 'string' && value ? value : undefined);

/** One thing a lead did, in words: `Viewed /pricing`, 「/pricing を閲覧」. */
export function actionLabel(event: { type: string; name?: string; properties?: JsonObject }): Record<Locale, string> {
  const properties = event.properties ?? {};
  const name = event.name ?? '';
  if (event.type === 'page' || event.type === 'screen') {
    const page = text(properties['path']) ?? text(properties['url']) ?? name;
    return { en: `Viewed ${page || 'a page'}`, ja: page ? `${page} を閲覧` : 'ページを閲覧' };
  }
  if (event.type === 'identify') return { en: 'Gave their details', ja: '連絡先を入力' };
  const detail = text(properties['title']) ?? text(properties['material']) ?? text(properties['subject']) ?? text(properties['url']);
  const told = detail ? `${name}: ${detail}` : name || event.type;
  return { en: told, ja: told };
}
