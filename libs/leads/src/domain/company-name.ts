const legalForms = new RegExp(
  [
    '株式会社|有限会社|合同会社|合名会社|合資会社|相互会社|(一般|公益)(社団|財団)法人|特定非営利活動法人|npo法人|学校法人',
    '医療法人((社団|財団))?|社会福祉法人|宗教法人|(国立|公立)大学法人|(地方)?独立行政法人|(監査|税理士|弁護士|社会保険労務士)法人',
    '\\((株|有|同|資|名|一社|一財|公社|公財|特非|学|医|福|独)\\)',
  ].join('|'),
  'g',
);
const latinForms = /[\s,.]+(co\.?,?\s*ltd\.?|inc\.?|corp\.?|corporation|k\.?k\.?|llc\.?|ltd\.?|gmbh)\s*$/;
const oldKanji: Record<string, string> = {
  髙: '高',
  﨑: '崎',
  邊: '辺',
  邉: '辺',
  齋: '斎',
  齊: '斉',
  國: '国',
  澤: '沢',
  濱: '浜',
  廣: '広',
  櫻: '桜',
  龍: '竜',
  眞: '真',
  德: '徳',
};

/** What two spellings of one company have in common: suggests a merge, never decides one. */
export function companyKey(name: string): string {
  return name
    .slice(0, 200)
    .normalize('NFKC')
    .toLowerCase()
    .replace(legalForms, '')
    .trim()
    .replace(latinForms, '')
    .replace(/[髙﨑邊邉齋齊國澤濱廣櫻龍眞德]/gu, (kanji) => oldKanji[kanji] ?? kanji)
    .replace(/[\s・.,&'’"“”_()「」\-‐‑–—―−ー〜~]/gu, '');
}
