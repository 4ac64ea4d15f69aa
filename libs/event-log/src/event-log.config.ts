import { z } from 'zod';

export const eventLogConfig = z.object({
  EVENT_LOG: z
    .enum(['kafka', 'postgres'])
    .default('kafka')
    .describe('kafka (full mode) or postgres (embedded mode); recorded at the first start'),
  EVENT_LOG_RETENTION_DAYS: z.coerce
    .number()
    .int()
    .min(1)
    .max(365)
    .default(7)
    .describe('Days a record stays on the log'),
  KAFKA_BROKERS: z.string().default('127.0.0.1:9092').describe('Comma-separated host:port'),
  KAFKA_REPLICATION: z.coerce
    .number()
    .int()
    .min(1)
    .max(9)
    .default(1)
    .describe('Copies of each partition when topics are made at start'),
  KAFKA_TOPIC_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._-]*$/)
    .default('')
    .describe('Put before topic and group names, for brokers that several deployments share'),
  KAFKA_SSL: z.stringbool().default(false).describe('TLS to the brokers'),
  KAFKA_SASL_MECHANISM: z
    .enum(['plain', 'scram-sha-256', 'scram-sha-512'])
    .optional()
    .describe('Needs user name and password'),
  KAFKA_SASL_USERNAME: z.string().optional().describe('SASL user name'),
  KAFKA_SASL_PASSWORD: z.string().optional().describe('SASL password'),
});
export type EventLogConfig = z.infer<typeof eventLogConfig>;
