import type { Json, JsonObject, LeadEvent } from './event.js';
import type { ConsentRecord } from './state.js';
import { cutText } from './text.js';

const bases = new Set(['opt-in', 'business-card', 'existing-relation', 'published-address']);
const maxPurposeLength = 64;
const maxWordingLength = 200;
const none: Record<string, ConsentRecord> = {};

/** What an event says about consent, by purpose. Suppression is kept apart: it binds an address, not a lead. */
export function consentOf(event: LeadEvent): Record<string, ConsentRecord> {
  if (event.type === 'consent') return stated(event);
  if (event.type === 'suppression')
    return event.name === 'unsubscribe' ? { marketing: { state: 'withdrawn', basis: 'opt-in' } } : none;
  if (event.type !== 'identify' && event.links !== true) return none;
  const answer = event.properties['consent'] ?? event.traits?.['consent'];
  if (typeof answer === 'boolean') return { marketing: { state: answer ? 'granted' : 'withdrawn', basis: 'opt-in' } };
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer)) return none;
  return answers(answer);
}

function stated(event: LeadEvent): Record<string, ConsentRecord> {
  if (event.name !== 'granted' && event.name !== 'withdrawn') return none;
  const purpose = event.properties['purpose'] ?? 'marketing';
  if (!isPurpose(purpose)) return none;
  return { [purpose]: { state: event.name, ...detail(event.properties) } };
}

function answers(answer: JsonObject): Record<string, ConsentRecord> {
  const records: Record<string, ConsentRecord> = {};
  for (const [purpose, value] of Object.entries(answer))
    if (typeof value === 'boolean' && isPurpose(purpose))
      records[purpose] = { state: value ? 'granted' : 'withdrawn', ...detail(answer) };
  return records;
}

function detail(said: JsonObject): Pick<ConsentRecord, 'basis' | 'wording'> {
  const basis = typeof said['basis'] === 'string' && bases.has(said['basis']) ? said['basis'] : 'opt-in';
  const wording = said['wording'];
  return typeof wording === 'string' && wording !== ''
    ? { basis, wording: cutText(wording, maxWordingLength) }
    : { basis };
}

const isPurpose = (purpose: Json): purpose is string =>
  typeof purpose === 'string' && /^[a-z][a-z0-9-]*$/.test(purpose) && purpose.length <= maxPurposeLength;
