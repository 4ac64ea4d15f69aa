import type { Dispatcher } from 'undici';
import type { SendOutcome } from '../port.js';

export interface Answer {
  status: number;
  retryAfterMs?: number;
  /** The first kilobyte. */
  text: string;
}

const timeoutMs = 10_000;
const neverConnected = [
  'ECONNREFUSED',
  'ENOTFOUND',
  'EAI_AGAIN',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_DESTROYED',
];

/** One POST, no redirect followed, ten seconds in all. An answer, or what its absence means. */
export async function post(
  agent: Promise<Dispatcher>,
  url: URL,
  headers: Record<string, string>,
  body: string,
): Promise<Answer | SendOutcome> {
  try {
    const { request } = await import('undici');
    const response = await request(url, {
      method: 'POST',
      dispatcher: await agent,
      headers: { 'user-agent': 'Leadfold', ...headers },
      body,
      signal: AbortSignal.timeout(timeoutMs),
      headersTimeout: timeoutMs,
      bodyTimeout: timeoutMs,
    });
    const retryAfter = Number(response.headers['retry-after']);
    const answer = {
      status: response.statusCode,
      retryAfterMs: retryAfter > 0 ? Math.min(retryAfter, 3_600) * 1_000 : undefined,
    };
    return { ...answer, text: await firstKilobyte(response.body) };
  } catch (error) {
    const code = codeOf(error);
    if (code === 'address-refused')
      return { kind: 'failed', reason: 'address-refused', error: (error as Error).message };
    if (neverConnected.includes(code)) return { kind: 'retry', error: code };
    return { kind: 'unknown', error: code || (error as Error).name };
  }
}

/** An answer was given, so the message was received; a body cut short changes nothing. */
async function firstKilobyte(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  try {
    for await (const chunk of body as AsyncIterable<Buffer>) {
      chunks.push(chunk);
      if ((size += chunk.length) >= 1_024) break;
    }
  } catch {
    /* cut short */
  }
  return Buffer.concat(chunks).subarray(0, 1_024).toString('utf8');
}

function codeOf(error: unknown): string {
  const { code, cause } = error as { code?: unknown; cause?: { code?: unknown } };
  return String(typeof code === 'string' ? code : (cause?.code ?? ''));
}
