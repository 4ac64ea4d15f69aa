import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto';

/**
 * Opaque, authenticated tokens for links in mails: who and which delivery, hidden from whoever sees the URL, readable
 * without any look-up. A token that was altered, or made with another secret, opens to undefined.
 */
export class TokenSeal {
  private readonly key: Buffer;

  constructor(secret: string, purpose: string) {
    this.key = Buffer.from(hkdfSync('sha256', secret, 'leadfold', purpose, 32));
  }

  seal(content: Record<string, string>): string {
    const iv = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.key, iv);
    const sealed = Buffer.concat([cipher.update(JSON.stringify(content), 'utf8'), cipher.final()]);
    return Buffer.concat([iv, cipher.getAuthTag(), sealed]).toString('base64url');
  }

  open(token: string): Record<string, string> | undefined {
    const raw = Buffer.from(token, 'base64url');
    // base64url decoding forgives stray characters: only the canonical spelling is this token
    if (raw.length < 29 || raw.toString('base64url') !== token) return undefined;
    const decipher = createDecipheriv('aes-256-gcm', this.key, raw.subarray(0, 12));
    decipher.setAuthTag(raw.subarray(12, 28));
    try {
      const text = Buffer.concat([decipher.update(raw.subarray(28)), decipher.final()]).toString('utf8');
      return JSON.parse(text) as Record<string, string>;
    } catch {
      return undefined;
    }
  }
}
