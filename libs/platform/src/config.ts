import { z } from 'zod';

/** Every missing or wrong variable at once, by name; a value never appears (it may be a secret). */
export class ConfigError extends Error {
  constructor(readonly problems: { name: string; problem: string }[]) {
    super(`Configuration is incomplete:\n${problems.map((p) => `  ${p.name}: ${p.problem}`).join('\n')}`);
    this.name = 'ConfigError';
  }
}

/** A schema per concern: keys are environment variables, `.describe()` is the line in `.env.example`. */
export type ConfigSchema = z.ZodObject<z.ZodRawShape>;

/** Parses the environment once, at start. An empty string counts as absent. */
export function parseConfig<S extends ConfigSchema>(schema: S, env: NodeJS.ProcessEnv = process.env): z.infer<S> {
  const given = Object.fromEntries(
    Object.keys(schema.shape)
      .map((name) => [name, env[name]] as const)
      .filter(([, value]) => value !== undefined && value !== ''),
  );
  const parsed = schema.safeParse(given);
  if (parsed.success) return parsed.data;
  throw new ConfigError(
    parsed.error.issues.map(({ path, message }) => {
      const name = path.join('.') || '(all)';
      return { name, problem: name in given ? message : 'is missing' };
    }),
  );
}

export const platformConfig = z.object({
  DATABASE_URL: z.url().describe('PostgreSQL 15 or newer, e.g. postgres://user:password@127.0.0.1:5432/leadfold'),
  LOG_LEVEL: z.enum(['trace', 'debug', 'info', 'warn', 'error', 'silent']).default('info').describe('pino level'),
  METRICS_TOKEN: z
    .string()
    .min(16)
    .optional()
    .describe('Bearer token for /metrics (a secret); without it only this machine may read them'),
  ALLOW_DRIVEN_CLOCK: z
    .stringbool()
    .default(false)
    .describe('Story tests only: lets a process start on a database whose clock is driven by hand'),
});
