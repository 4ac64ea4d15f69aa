import type { Json, JsonObject } from '#libs/leads/domain';
import { limits } from './limits.js';
import { refuse, type Refusal } from './verdict.js';

/** A copy without NUL, lone surrogates and prototype keys (PostgreSQL stores none of them), or which limit it breaks. */
export function clean(event: JsonObject): { ok: true; event: JsonObject } | Refusal {
  const walk = new Walk();
  try {
    return { ok: true, event: walk.object(event, 1, '') };
  } catch (error) {
    if (error instanceof Broken) return error.refusal;
    throw error;
  }
}

class Broken extends Error {
  constructor(readonly refusal: Refusal) {
    super(refusal.code);
  }
}

const broken = (code: string, detail: string, path: string) => new Broken(refuse(code, detail, path.slice(1)));

class Walk {
  private keys = 0;

  object(value: JsonObject, depth: number, path: string): JsonObject {
    this.enter(depth, path);
    const copy: JsonObject = {};
    for (const [raw, member] of Object.entries(value)) {
      this.keys += 1;
      if (this.keys > limits.eventKeys)
        throw broken('too-many-keys', `an event holds ${limits.eventKeys} keys at most`, path);
      if (raw.length > limits.keyLength)
        throw broken('key-too-long', `a key has ${limits.keyLength} characters at most`, path);
      const key = cleanText(raw);
      if (key !== '__proto__') copy[key] = this.value(member, depth, `${path}.${key}`);
    }
    return copy;
  }

  private value(value: Json, depth: number, path: string): Json {
    if (typeof value === 'string') {
      if (value.length > limits.stringLength)
        throw broken('string-too-long', `a string has ${limits.stringLength} characters at most`, path);
      return cleanText(value);
    }
    if (typeof value === 'number' && !Number.isFinite(value))
      throw broken('number-not-finite', 'a number is too large', path);
    if (typeof value !== 'object' || value === null) return value;
    if (!Array.isArray(value)) return this.object(value, depth + 1, path);
    this.enter(depth + 1, path);
    return value.map((member, index) => this.value(member, depth + 1, `${path}.${index}`));
  }

  private enter(depth: number, path: string): void {
    if (depth > limits.eventDepth)
      throw broken('too-deep', `an event is nested ${limits.eventDepth} levels at most`, path);
  }
}

export function cleanText(text: string): string {
  const whole = text.replace(/\p{Surrogate}/gu, '');
  return whole.includes('\0') ? whole.replaceAll('\0', '') : whole;
}
