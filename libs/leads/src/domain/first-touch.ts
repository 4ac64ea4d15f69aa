import type { Json, LeadEvent } from './event.js';
import { cutText } from './text.js';

/** Attributes under this prefix keep their first value, all others their last. */
export const firstTouchPrefix = 'firstTouch.';

const campaignFields = ['source', 'medium', 'name', 'term', 'content'] as const;

/**
 * Campaign and referrer of a touch. A campaign states all its fields, null included: otherwise the first touch could be
 * put together from two campaigns.
 */
export function firstTouchOf(event: LeadEvent): Record<string, Json> | undefined {
  const context = event.context;
  if (context === undefined) return undefined;
  const touch: Record<string, Json> = {};
  let found = false;
  const campaign = context['campaign'];
  if (
    typeof campaign === 'object' &&
    campaign !== null &&
    !Array.isArray(campaign) &&
    campaignFields.some((field) => isText(campaign[field]))
  ) {
    for (const field of campaignFields) {
      const value = campaign[field];
      touch[firstTouchPrefix + (field === 'name' ? 'campaign' : field)] = isText(value) ? cutText(value, 200) : null;
    }
    found = true;
  }
  const from = foreignReferrer(context['page']);
  if (from !== undefined) {
    touch[firstTouchPrefix + 'referrer'] = from;
    found = true;
  }
  return found ? touch : undefined;
}

function foreignReferrer(page: Json | undefined): string | undefined {
  if (typeof page !== 'object' || page === null || Array.isArray(page) || !isText(page['referrer'])) return undefined;
  const from = hostOf(page['referrer']);
  return from === hostOf(page['url']) ? undefined : from;
}

const isText = (value: Json | undefined): value is string => typeof value === 'string' && value !== '';

function hostOf(url: Json | undefined): string | undefined {
  return typeof url === 'string'
    ? /^https?:\/\/(?:www\.)?([^/?#:@\s]{1,253})/i.exec(url)?.[1]?.toLowerCase()
    : undefined;
}
