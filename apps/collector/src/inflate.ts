import { promisify } from 'node:util';
import zlib from 'node:zlib';
import { limits } from './domain/limits.js';
import { refuse, type Refusal } from './domain/verdict.js';

const gunzip = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.gunzip);
const inflate = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.inflate);
const inflateRaw = promisify<Buffer, zlib.ZlibOptions, Buffer>(zlib.inflateRaw);
const brotli = promisify<Buffer, zlib.BrotliOptions, Buffer>(zlib.brotliDecompress);
// the library stops as soon as its output would be longer: a bomb never unfolds
const bounded = { maxOutputLength: limits.batchBytes };

export const isGzip = (body: Buffer): boolean => body[0] === 0x1f && body[1] === 0x8b;

export async function inflateBody(body: Buffer, encoding: string): Promise<{ ok: true; body: Buffer } | Refusal> {
  try {
    if (isGzip(body)) return { ok: true, body: await gunzip(body, bounded) };
    switch (encoding.trim().toLowerCase()) {
      case '':
      case 'identity':
        return { ok: true, body };
      case 'br':
        return { ok: true, body: await brotli(body, bounded) };
      case 'deflate':
        return { ok: true, body: await ((body[0]! & 0x0f) === 8 ? inflate(body, bounded) : inflateRaw(body, bounded)) };
      default:
        return refuse(
          'bad-content-encoding',
          'Content-Encoding is none of gzip, deflate, br, or the body is not so encoded',
        );
    }
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE')
      return refuse('too-large', `a request has ${limits.batchBytes} bytes at most`);
    return refuse('bad-content-encoding', 'the body is not encoded as Content-Encoding says');
  }
}
