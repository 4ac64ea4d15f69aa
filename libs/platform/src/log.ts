import { pino, type Logger } from 'pino';

export type { Logger };

/** Constant message, data in fields. Addresses, keys and payloads are never logged; these paths are the net below that rule. */
export function createLogger(service: string, level: string): Logger {
  return pino({
    level,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
    redact: {
      paths: [
        'email',
        '*.email',
        'authorization',
        '*.authorization',
        'writeKey',
        '*.writeKey',
        'password',
        '*.password',
        'req.headers',
      ],
      censor: '[redacted]',
    },
  });
}
