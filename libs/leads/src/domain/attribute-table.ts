import { foldText } from './text.js';

/** Where a field may stand: a person's traits, a form's fields, or a group's traits. */
export type FieldPlace = 'traits' | 'form' | 'group' | 'company' | 'address';

interface FieldRule {
  field: string;
  /** The earlier of two rules for one field of the lead wins within one event. */
  rank: number;
}

/**
 * Every field name in use, by what it means. Names are compared without case, width, spaces, `_`, `-`, `.` and brackets,
 * so `last_name`, `lastName` and `Last Name` are one. Within a line the first name present wins.
 */
const fields: Record<string, string[]> = {
  familyName: ['familyName', 'lastName', 'surname', 'sei', '姓', '名字', '苗字'],
  givenName: ['givenName', 'firstName', 'mei', '名'],
  familyNameKana: ['familyNameKana', 'lastNameKana', 'seiKana', '姓カナ', '姓かな', 'セイ', '姓フリガナ', '姓ふりがな'],
  givenNameKana: ['givenNameKana', 'firstNameKana', 'meiKana', '名カナ', '名かな', 'メイ', '名フリガナ', '名ふりがな'],
  fullName: ['fullName', 'displayName', '氏名', 'お名前', '名前', '担当者名', 'ご担当者名'],
  phone: [
    'phone',
    'phoneNumber',
    'tel',
    'telephone',
    'mobile',
    'mobilePhone',
    '電話番号',
    '電話',
    '携帯電話',
    '携帯番号',
    'TEL直通',
    'TEL1',
    'TEL会社',
  ],
  'company.name': [
    'companyName',
    'company',
    'organization',
    'organisation',
    'employer',
    '会社名',
    '企業名',
    '貴社名',
    '御社名',
    '法人名',
    '勤務先',
    '団体名',
  ],
  'company.employees': [
    'employees',
    'companyEmployees',
    'employeeCount',
    'numberOfEmployees',
    'numEmployees',
    'companySize',
    '従業員数',
    '社員数',
    '従業員規模',
    '企業規模',
    '会社規模',
  ],
  'company.industry': ['industry', 'companyIndustry', '業種', '業界'],
  'company.website': ['companyWebsite', 'website', 'URL1', 'ホームページ'],
  jobTitle: ['jobTitle', 'position', 'roleTitle', '役職', '役職名', '肩書', '肩書き'],
  department: ['department', 'division', 'section', '部署', '部署名', '部門', '所属', '所属部署'],
  job: ['job', 'jobFunction', 'jobType', 'occupation', '職種', '職業'],
  location: ['location', 'prefecture', '都道府県', '所在地', '住所', 'region', 'city', '市区町村'],
  postalCode: ['postalCode', 'postcode', 'zip', 'zipCode', '郵便番号'],
  introductionBy: [
    'introductionBy',
    'introductionTime',
    'introductionPlan',
    'timeframe',
    'timeline',
    'purchaseTimeframe',
    '導入時期',
    '導入予定時期',
    '導入予定',
    '検討時期',
    '導入希望時期',
    'ご検討時期',
  ],
  challenge: ['challenge', 'challenges', 'painPoint', '課題', 'お困りごと', 'ご検討の課題'],
  budget: ['budget', '予算', 'ご予算'],
  leadSource: ['leadSource', 'acquisitionSource', '流入経路', '獲得経路', 'リードソース', 'きっかけ'],
  channel: ['channel', 'チャネル', '獲得チャネル'],
  origin: ['origin', 'leadOrigin', '発生元'],
  language: ['language', 'locale', 'preferredLanguage', '言語'],
};

/** Names that mean something else elsewhere: `title` is a job title among traits, but a document's title in a form. */
const placed: Partial<Record<FieldPlace, Record<string, string[]>>> = {
  traits: { fullName: ['name'], jobTitle: ['title'] },
  form: { fullName: ['name'] },
  group: { 'company.name': ['name'], 'company.website': ['url'], 'company.industry': ['sector'] },
  company: { 'company.name': ['name'], 'company.employees': ['size'], 'company.website': ['url'] },
  address: { location: ['state'] },
};

/** Nested objects of Segment's reserved traits describe only this much of the lead. */
const allowed: Partial<Record<FieldPlace, ReadonlySet<string>>> = {
  group: new Set([
    'company.name',
    'company.employees',
    'company.industry',
    'company.website',
    'location',
    'postalCode',
  ]),
  company: new Set(['company.name', 'company.employees', 'company.industry', 'company.website']),
  address: new Set(['location', 'postalCode']),
};

const normalName = (name: string): string => foldText(name).replace(/[\s_.\-()[\]「」【】*※:]/g, '');

function tableFor(place: FieldPlace): Map<string, FieldRule> {
  const table = new Map<string, FieldRule>();
  for (const source of [fields, placed[place] ?? {}])
    for (const [field, names] of Object.entries(source)) {
      if (allowed[place] && !allowed[place].has(field)) continue;
      for (const name of names)
        if (!table.has(normalName(name))) table.set(normalName(name), { field, rank: table.size });
    }
  return table;
}

const tables: Record<FieldPlace, Map<string, FieldRule>> = {
  traits: tableFor('traits'),
  form: tableFor('form'),
  group: tableFor('group'),
  company: tableFor('company'),
  address: tableFor('address'),
};

/** Senders use few names, so normalising each once is enough; forgotten when somebody sends ever new ones. */
const remembered = new Map<string, string>();

export function fieldRule(place: FieldPlace, name: string): FieldRule | undefined {
  if (name.length > 100) return undefined;
  let normal = remembered.get(name);
  if (normal === undefined) {
    normal = normalName(name);
    if (remembered.size >= 5000) remembered.clear();
    remembered.set(name, normal);
  }
  return tables[place].get(normal);
}
