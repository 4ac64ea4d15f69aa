import { z } from 'zod';

/** Events that fill in a form: with an e-mail address they say who the browser's visitor is. */
export const defaultFormEvents = [
  ...['Form Submitted', 'Demo Requested', 'Quote Requested', 'Contact Requested', 'Material Requested'],
  ...['Document Downloaded', 'Trial Requested', 'Newsletter Signed Up', 'Webinar Registered', 'Seminar Registered'],
  ...['Consultation Requested', 'Inquiry Submitted', 'Sample Requested', 'Signed Up'],
  ...[
    '資料請求',
    '資料ダウンロード',
    'お問い合わせ',
    'お問合せ',
    'デモ依頼',
    'デモ申込',
    '見積依頼',
    'お見積り依頼',
    '見積もり依頼',
  ],
  ...['無料トライアル申込', 'トライアル申込', 'メルマガ登録', 'ウェビナー申込', 'セミナー申込', '相談申込', '会員登録'],
];

/** What sales must hear of before any backlog. */
export const defaultUrgentEvents = [
  ...['Demo Requested', 'Quote Requested', 'Contact Requested', 'Trial Requested'],
  ...['デモ依頼', 'デモ申込', '見積依頼', 'お見積り依頼', '見積もり依頼', 'お問い合わせ', 'お問合せ'],
];

const names = z.array(z.string().min(1).max(200)).max(500);

export const sourceSettings = z.object({
  formEvents: names.optional(),
  urgentEvents: names.optional(),
  clientIp: z.enum(['truncate', 'drop', 'keep']).optional(),
  /** Browsers of other origins are refused; absent means any. */
  allowedOrigins: z.array(z.url()).max(200).optional(),
});
export type SourceSettings = z.infer<typeof sourceSettings>;

/** A source as the collector needs it. */
export interface Source {
  id: string;
  idSpace: string;
  clientIp: 'truncate' | 'drop' | 'keep';
  formEvents: ReadonlySet<string>;
  urgentEvents: ReadonlySet<string>;
  allowedOrigins?: ReadonlySet<string>;
}

/** Event names are compared without regard to width, case and outer spaces. */
export const foldName = (name: string): string => name.normalize('NFKC').trim().toLowerCase();

/** Settings that do not parse count as absent: one bad row must not stop the collecting of every source. */
export function sourceOf(row: { id: string; idSpace: string; settings: unknown }): Source {
  const parsed = sourceSettings.safeParse(row.settings);
  const settings: SourceSettings = parsed.success ? parsed.data : {};
  return {
    id: row.id,
    idSpace: row.idSpace,
    clientIp: settings.clientIp ?? 'truncate',
    formEvents: new Set((settings.formEvents ?? defaultFormEvents).map(foldName)),
    urgentEvents: new Set((settings.urgentEvents ?? defaultUrgentEvents).map(foldName)),
    ...(settings.allowedOrigins && {
      allowedOrigins: new Set(settings.allowedOrigins.map((url) => new URL(url).origin)),
    }),
  };
}
