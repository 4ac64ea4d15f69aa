import type { Random } from './random.js';

export interface Person {
  familyName: string;
  givenName: string;
  email: string;
  company: string;
  employees: number;
  industry: string;
  department: string;
  position: string;
  prefecture: string;
  language: 'ja' | 'en';
  phone: string;
}

const japaneseFamilies = [
  '佐藤',
  '鈴木',
  '高橋',
  '田中',
  '伊藤',
  '渡辺',
  '山本',
  '中村',
  '小林',
  '加藤',
  '吉田',
  '山田',
  '佐々木',
  '松本',
  '井上',
  '木村',
  '林',
  '清水',
  '斎藤',
  '髙﨑',
] as const;
const japaneseRomaji = [
  'sato',
  'suzuki',
  'takahashi',
  'tanaka',
  'ito',
  'watanabe',
  'yamamoto',
  'nakamura',
  'kobayashi',
  'kato',
  'yoshida',
  'yamada',
  'sasaki',
  'matsumoto',
  'inoue',
  'kimura',
  'hayashi',
  'shimizu',
  'saito',
  'takasaki',
] as const;
const japaneseGivens = [
  '太郎',
  '花子',
  '健一',
  '美咲',
  '大輔',
  '由美',
  '翔太',
  '陽子',
  '直樹',
  '恵',
  '拓也',
  '真由美',
  '亮',
  '彩',
  '誠',
] as const;
const englishFamilies = [
  'Smith',
  'Johnson',
  'Nguyen',
  'Garcia',
  'Müller',
  "O'Brien",
  'Kowalski',
  'Rossi',
  'Singh',
  'Kim',
] as const;
const englishGivens = ['Alice', 'Ben', 'Chloe', 'David', 'Emma', 'Farid', 'Grace', 'Hugo', 'Iris', 'Jonas'] as const;

const companies = [
  {
    ja: '株式会社アオバ製作所',
    en: 'Aoba Manufacturing Co., Ltd.',
    domain: 'aoba-mfg.example',
    industry: '製造業',
    employees: 480,
  },
  {
    ja: 'ミナト精機株式会社',
    en: 'Minato Precision',
    domain: 'minato-seiki.example',
    industry: '製造業',
    employees: 120,
  },
  { ja: '株式会社クモノス', en: 'Kumonosu Inc.', domain: 'kumonosu.example', industry: 'IT', employees: 65 },
  { ja: '㈱北斗システムズ', en: 'Hokuto Systems', domain: 'hokuto-sys.example', industry: 'IT', employees: 310 },
  {
    ja: 'さくら商事株式会社',
    en: 'Sakura Trading',
    domain: 'sakura-trading.example',
    industry: '卸売業',
    employees: 45,
  },
  { ja: '合同会社ひかりラボ', en: 'Hikari Lab LLC', domain: 'hikari-lab.example', industry: 'IT', employees: 12 },
  {
    ja: '株式会社みどり物流',
    en: 'Midori Logistics',
    domain: 'midori-log.example',
    industry: '運輸業',
    employees: 900,
  },
  { ja: '有限会社山手印刷', en: 'Yamate Printing', domain: 'yamate-print.example', industry: '製造業', employees: 28 },
  {
    ja: 'ノースウィンド株式会社',
    en: 'Northwind K.K.',
    domain: 'northwind.example',
    industry: '小売業',
    employees: 230,
  },
  {
    ja: '東都メディカル株式会社',
    en: 'Toto Medical',
    domain: 'toto-medical.example',
    industry: '医療',
    employees: 150,
  },
] as const;

const departments = ['営業部', 'マーケティング部', '情報システム部', '経営企画部', '総務部', '製造部'] as const;
const positions = [
  ['担当', 45],
  ['主任', 15],
  ['係長', 10],
  ['課長', 14],
  ['部長', 10],
  ['取締役', 4],
  ['代表取締役', 2],
] as const;
const englishPositions = [
  ['Specialist', 45],
  ['Team Lead', 20],
  ['Marketing Manager', 20],
  ['Director of Sales', 10],
  ['CEO', 5],
] as const;
const prefectures = ['東京都', '大阪府', '神奈川県', '愛知県', '福岡県', '北海道', '宮城県', '広島県'] as const;

/** Somebody believable: two in three Japanese, at one of ten companies, mostly without power to decide. */
export function makePerson(random: Random, serial: number): Person {
  const company = random.pick(companies);
  const shared = {
    employees: company.employees,
    industry: company.industry,
    prefecture: random.pick(prefectures),
    phone: `03-${random.between(3000, 6999)}-${random.between(1000, 9999)}`,
  };
  if (random.chance(0.68)) {
    const family = random.between(0, japaneseFamilies.length - 1);
    return {
      ...shared,
      familyName: japaneseFamilies[family]!,
      givenName: random.pick(japaneseGivens),
      email: `${japaneseRomaji[family]}.${serial}@${company.domain}`,
      company: company.ja,
      department: random.pick(departments),
      position: random.weighted(positions),
      language: 'ja',
    };
  }
  const family = random.pick(englishFamilies);
  return {
    ...shared,
    familyName: family,
    givenName: random.pick(englishGivens),
    email: `${family
      .toLowerCase()
      .normalize('NFD')
      .replace(/[^a-z]/g, '')}.${serial}@${company.domain}`,
    company: company.en,
    department: 'Marketing',
    position: random.weighted(englishPositions),
    language: 'en',
  };
}
