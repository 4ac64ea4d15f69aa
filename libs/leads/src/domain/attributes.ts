import { fieldRule, type FieldPlace } from './attribute-table.js';
import { accountOf } from './membership.js';
import { companyDomain, type CompanyDomain } from './company-domain.js';
import { employeesOf } from './company-size.js';
import type { Json, JsonObject, LeadEvent } from './event.js';
import { member } from './event-path.js';
import { firstTouchOf } from './first-touch.js';
import { introductionDay } from './introduction-date.js';
import type { Zone } from './local-day.js';
import { displayNameOf, splitName, withoutHonorific } from './person-name.js';
import { positionOf } from './position.js';
import { qualificationOf } from './qualification.js';
import { cutText } from './text.js';

export const maxAttributeLength = 200;

type Profile = Record<string, Json>;
type Found = Map<string, { value: Json; rank: number; name: string }>;

const nothing: Profile = {};

/** The attributes that an event states: those of identifies, forms and groups, the first touch, and the address. */
export function profileOf(event: LeadEvent, zone: Zone, domainOf: CompanyDomain = companyDomain): Profile {
  if (event.type === 'outcome') return outcomeOf(event);
  if (event.type === 'approval') return approvalOf(event);
  if (event.type === 'qualification') return qualificationOf(event);
  if (event.type === 'account') return accountOf(event);
  const touch = firstTouchOf(event);
  const tells = event.type === 'identify' || event.links === true || event.type === 'group';
  if (!tells && event.email === undefined) return touch ?? nothing;
  const profile: Profile = { ...touch };
  if (event.email !== undefined) {
    profile['email'] = event.email;
    const domain = domainOf(event.email);
    if (domain !== undefined) profile['company.domain'] = domain;
  }
  if (tells) state(profile, fieldsOf(event), event, zone);
  return profile;
}

/** The latest outcome of each kind is kept under this and its name: whether one that moved a lead still stands. */
export const outcomePrefix = 'outcome.';

/** What sales said last; an opportunity's likelihood, next step and value stay until sales states others. */
function outcomeOf(event: LeadEvent): Profile {
  if (event.name === undefined) return nothing;
  const { name } = event;
  const profile: Profile = { outcome: name, outcomeReason: textOf(event.properties['reason']) };
  if (name.length <= 40) profile[outcomePrefix + name] = name;
  const { likelihood, nextActionDate, value } = event.properties;
  if (typeof likelihood === 'number') profile['opportunity.likelihood'] = likelihood;
  if (typeof nextActionDate === 'string') profile['opportunity.nextActionDate'] = nextActionDate.slice(0, 10);
  if (typeof value === 'number') profile['opportunity.value'] = value;
  return profile;
}

/** The latest word on a lead's move to a stage is kept under this and the stage's name. */
export const approvalPrefix = 'approval.';

function approvalOf({ name, properties: { stage } }: LeadEvent): Profile {
  if ((name !== 'approved' && name !== 'declined') || typeof stage !== 'string' || stage.length > 100) return nothing;
  return { [approvalPrefix + stage]: name };
}

/** Whether an attribute says anything. */
export const isKnown = (value: Json | undefined): value is Json =>
  value !== undefined && value !== null && value !== '';

const textOf = (value: Json | undefined): Json =>
  typeof value === 'string' && value !== '' ? cutText(value, maxAttributeLength) : null;

function fieldsOf(event: LeadEvent): Found {
  const found: Found = new Map();
  const place: FieldPlace = event.type === 'group' ? 'group' : 'traits';
  if (event.type === 'track' || event.type === 'page' || event.type === 'screen')
    collect(found, 'form', event.properties);
  collect(found, place, event.traits);
  for (const object of [event.traits, event.properties]) {
    collect(found, 'company', objectIn(object, 'company'));
    if (place === 'traits') collect(found, 'address', objectIn(object, 'address'));
  }
  return found;
}

function objectIn(object: JsonObject | undefined, name: string): JsonObject | undefined {
  const value = member(object, name);
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? value : undefined;
}

/** The order of an object's members decides nothing: the database does not keep it. */
function collect(found: Found, place: FieldPlace, object: JsonObject | undefined): void {
  if (object === undefined) return;
  for (const name of Object.keys(object)) {
    const rule = fieldRule(place, name);
    const value = object[name]!;
    if (!rule || (typeof value === 'object' && value !== null) || value === '') continue;
    const current = found.get(rule.field);
    if (!current || rule.rank < current.rank || (rule.rank === current.rank && name < current.name))
      found.set(rule.field, { value, rank: rule.rank, name });
  }
}

function state(profile: Profile, found: Found, event: LeadEvent, zone: Zone): void {
  const names: { familyName?: string; givenName?: string } = {};
  for (const [field, { value }] of found) {
    if (value === null) profile[field] = null;
    const text = value === null ? '' : tidy(String(value));
    if (text === '') continue;
    if (field === 'familyName' || field === 'givenName') names[field] = withoutHonorific(text);
    else if (field === 'jobTitle') {
      profile['jobTitle'] = text;
      profile['position'] = positionOf(text) ?? null;
    } else {
      const meant = meaningOf(field, value, text, event, zone);
      if (meant !== undefined) profile[field] = meant;
    }
  }
  const fullName = profile['fullName'];
  delete profile['fullName'];
  const split =
    names.familyName === undefined && names.givenName === undefined && typeof fullName === 'string'
      ? splitName(fullName)
      : names;
  if (split.familyName !== undefined) profile['familyName'] = split.familyName;
  if (split.givenName !== undefined) profile['givenName'] = split.givenName;
  const displayName = typeof fullName === 'string' ? withoutHonorific(fullName) : displayNameOf(split);
  if (displayName !== undefined && displayName !== '') profile['displayName'] = displayName;
  if (profile['channel'] === undefined && typeof profile['leadSource'] === 'string') {
    const channel = channelOf(profile['leadSource']);
    if (channel !== undefined) profile['channel'] = channel;
  }
}

function meaningOf(field: string, value: Json, text: string, event: LeadEvent, zone: Zone): Json | undefined {
  switch (field) {
    case 'fullName':
      return text === event.name ? undefined : text;
    case 'company.employees':
      return employeesOf(value);
    case 'introductionBy':
      return introductionDay(text, zone.localDay(event.occurredAt));
    case 'channel':
      return channelOf(text);
    case 'origin':
      return /sales|営業/i.test(text) ? 'sales' : /marketing|マーケ/i.test(text) ? 'marketing' : undefined;
    case 'language':
      return /^[a-z]{2,3}\b/i.exec(text)?.[0].toLowerCase();
    case 'location':
      return /^(東京都|北海道|(?:京都|大阪)府|..県|...県)/u.exec(text)?.[0] ?? text;
    default:
      return text;
  }
}

/** Who made the first step: the person (inbound) or we (outbound). */
function channelOf(text: string): 'inbound' | 'outbound' | undefined {
  if (/outbound|アウトバウンド|tele|cold|架電|テレアポ|飛び込み|訪問|郵送|postal|direct ?mail|\bdm\b/i.test(text))
    return 'outbound';
  if (
    /inbound|インバウンド|web|form|フォーム|newsletter|メルマガ|download|資料|ダウンロード|webinar|セミナ|ウェビナ|exhibition|展示会|名刺|social|sns|referral|紹介|検索|search|seo|広告|\bads?\b/i.test(
      text,
    )
  )
    return 'inbound';
  return undefined;
}

const tidy = (text: string): string =>
  cutText(
    cutText(text, 4 * maxAttributeLength)
      .normalize('NFKC')
      .replace(/\s+/g, ' ')
      .trim(),
    maxAttributeLength,
  );
