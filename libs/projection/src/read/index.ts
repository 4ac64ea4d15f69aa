export { readLead, readLeads, type LeadRef, type ReadLead } from './lead.query.js';
export { listLeads, type LeadFilter, type RankedLead } from './list-leads.query.js';
export { readTimeline, type TimelineOptions, type TimelineRow } from './timeline.query.js';
export { waitForEvent } from './wait-for-event.query.js';
