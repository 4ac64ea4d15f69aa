import type { Json, JsonObject, LeadEvent } from './event.js';

export type PathReader = (event: LeadEvent) => Json | undefined;

const pageFields = new Set(['path', 'url', 'title', 'referrer', 'search']);

/** The session id as tracking clients send it. */
const sessionReaders = ['sessionId', 'session_id', 'session.id'].map(memberOf);

/**
 * Reads a value of an event: a property, else for `path`, `url`, `title`, `referrer` and `search` the page of the context;
 * `traits.x` and `context.x`; `visit` is the session id. A dot goes one level down unless a member has the whole name.
 */
export function pathReader(path: string): PathReader {
  if (path === 'visit') return sessionOf;
  if (path === 'name') return (event) => event.properties['name'] ?? event.name;
  if (path.startsWith('traits.')) return memberReader((event) => event.traits, path.slice('traits.'.length));
  if (path.startsWith('context.')) return memberReader((event) => event.context, path.slice('context.'.length));
  const property = memberReader((event) => event.properties, path.replace(/^properties\./, ''));
  if (!pageFields.has(path)) return property;
  const page = memberReader((event) => event.context, `page.${path}`);
  return (event) => property(event) ?? page(event);
}

function sessionOf(event: LeadEvent): Json | undefined {
  for (const read of sessionReaders) {
    const value = read(event.context) ?? read(event.properties);
    if ((typeof value === 'string' && value !== '') || typeof value === 'number') return value;
  }
  return undefined;
}

function memberReader(objectOf: (event: LeadEvent) => JsonObject | undefined, path: string): PathReader {
  const read = memberOf(path);
  return (event) => read(objectOf(event));
}

/** Own members only: a path of `__proto__` or `constructor` finds nothing that the sender did not send. */
function memberOf(path: string): (object: JsonObject | undefined) => Json | undefined {
  const steps = path.split('.');
  if (steps.length === 1)
    return (object) => (object !== undefined && Object.hasOwn(object, path) ? object[path] : undefined);
  return (object) => {
    if (object === undefined) return undefined;
    if (Object.hasOwn(object, path)) return object[path];
    let value: Json | undefined = object;
    for (const step of steps) {
      if (typeof value !== 'object' || value === null || Array.isArray(value) || !Object.hasOwn(value, step))
        return undefined;
      value = value[step];
    }
    return value;
  };
}

export const member = (object: JsonObject | undefined, path: string): Json | undefined => memberOf(path)(object);
