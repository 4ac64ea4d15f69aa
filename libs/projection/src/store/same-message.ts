import type { Json, JsonObject } from '#libs/leads/domain';

/** What each delivery of one message has of its own: when it was sent and received, and from where. */
const ownOfDelivery = ['receivedAt'];
const ownOfContext = ['sentAt', 'skewMs', 'ip'];
const nothing: readonly string[] = [];

/** Whether two bodies are deliveries of one message. */
export const sameMessage = (a: JsonObject, b: JsonObject): boolean =>
  sameMembers(a, b, [...ownOfDelivery, 'context']) && sameContext(a['context'], b['context']);

const sameContext = (a: Json | undefined, b: Json | undefined): boolean =>
  isObject(a) && isObject(b) ? sameMembers(a, b, ownOfContext) : sameJson(a, b);

const isObject = (value: Json | undefined): value is JsonObject =>
  typeof value === 'object' && value !== null && !Array.isArray(value);

function sameJson(a: Json | undefined, b: Json | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a))
    return Array.isArray(b) && a.length === b.length && a.every((element, index) => sameJson(element, b[index]));
  return isObject(a) && isObject(b) && sameMembers(a, b, nothing);
}

function sameMembers(a: JsonObject, b: JsonObject, except: readonly string[]): boolean {
  let more = 0;
  for (const name of Object.keys(a)) {
    if (except.includes(name)) continue;
    if (!Object.hasOwn(b, name) || !sameJson(a[name], b[name])) return false;
    more += 1;
  }
  for (const name of Object.keys(b)) if (!except.includes(name)) more -= 1;
  return more === 0;
}
