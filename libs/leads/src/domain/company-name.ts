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

const freeMail = new Set(
  (
    'gmail.com googlemail.com yahoo.co.jp ymail.ne.jp yahoo.com outlook.com outlook.jp hotmail.com hotmail.co.jp live.jp live.com msn.com ' +
    'icloud.com me.com mac.com aol.com proton.me protonmail.com gmx.com zoho.com mail.ru qq.com 163.com naver.com docomo.ne.jp ezweb.ne.jp ' +
    'au.com uqmobile.jp softbank.ne.jp i.softbank.jp vodafone.ne.jp ymobile.ne.jp ymobile1.ne.jp wcm.ne.jp willcom.com disney.ne.jp rakuten.jp ' +
    'nifty.com ocn.ne.jp biglobe.ne.jp so-net.ne.jp plala.or.jp dion.ne.jp excite.co.jp infoseek.jp goo.jp eonet.ne.jp asahi-net.or.jp hi-ho.ne.jp ' +
    'tiki.ne.jp jcom.home.ne.jp jcom.zaq.ne.jp nifty.ne.jp'
  ).split(' '),
);

/** The domain of an organisation's address; undefined for addresses that anybody can have. */
export function companyDomain(email: string): string | undefined {
  const domain = email.slice(email.lastIndexOf('@') + 1);
  return email.includes('@') && domain.includes('.') && domain.length <= 253 && !freeMail.has(domain)
    ? domain
    : undefined;
}
