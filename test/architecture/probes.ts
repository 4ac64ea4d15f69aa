/** One planted violation per rule: the rule's name, the file that breaks it, the line that does. */
export interface Probe {
  rule: string;
  file: string;
  line: string;
}

const direction = (lib: string, forbidden: string): Probe => ({
  rule: `direction-${lib}`,
  file: `libs/${lib}/src/planted-direction.ts`,
  line: `import '#libs/${forbidden}';`,
});

export const probes: Probe[] = [
  { rule: 'no-cycle', file: 'libs/leads/src/planted-cycle.ts', line: "import './planted-cycle-other.js';" },
  { rule: 'resolvable', file: 'libs/leads/src/planted-missing.ts', line: "import './nowhere.js';" },
  { rule: 'domain-is-pure', file: 'libs/leads/src/domain/planted-io.ts', line: "import 'node:fs';" },
  { rule: 'domain-is-pure', file: 'libs/scoring/src/domain/planted-nest.ts', line: "import '@nestjs/common';" },
  { rule: 'domain-is-pure', file: 'libs/funnel/src/domain/planted-pg.ts', line: "import 'pg';" },
  { rule: 'domain-is-pure', file: 'libs/leads/src/domain/planted-shell.ts', line: "import '../index.js';" },
  { rule: 'domain-is-pure', file: 'libs/scoring/src/domain/planted-other-shell.ts', line: "import '#libs/leads';" },
  {
    rule: 'libs-by-their-doors',
    file: 'libs/scoring/src/planted-back-door.ts',
    line: "import '../../leads/src/inner.js';",
  },
  {
    rule: 'doors-from-outside',
    file: 'apps/api/src/planted-back-door.ts',
    line: "import '../../../libs/leads/src/inner.js';",
  },
  direction('platform', 'leads'),
  direction('event-log', 'leads'),
  direction('job-queue', 'event-log'),
  direction('leads', 'scoring'),
  direction('sources', 'projection'),
  direction('scoring', 'funnel'),
  direction('funnel', 'segments'),
  direction('segments', 'projection'),
  direction('projection', 'delivery'),
  direction('delivery', 'nurture'),
  direction('nurture', 'handoff'),
  direction('handoff', 'nurture'),
  direction('insights', 'delivery'),
  direction('privacy', 'handoff'),
  { rule: 'libs-know-no-outside', file: 'libs/platform/src/planted-outside.ts', line: "import '#migrations';" },
  {
    rule: 'apps-know-no-outside',
    file: 'apps/api/src/planted-other-app.ts',
    line: "import '../../worker/src/inner.js';",
  },
  { rule: 'apps-know-no-outside', file: 'apps/worker/src/planted-tool.ts', line: "import '#tools/inner';" },
  { rule: 'collector-sees-little', file: 'apps/collector/src/planted-leads.ts', line: "import '#libs/leads';" },
  { rule: 'collector-sees-little', file: 'apps/collector/src/planted-queue.ts', line: "import '#libs/job-queue';" },
  { rule: 'projector-never-acts', file: 'apps/projector/src/planted-delivery.ts', line: "import '#libs/delivery';" },
  { rule: 'projector-never-acts', file: 'apps/projector/src/planted-nurture.ts', line: "import '#libs/nurture';" },
  { rule: 'projector-never-acts', file: 'apps/projector/src/planted-queue.ts', line: "import '#libs/job-queue';" },
  {
    rule: 'nest-where-http-is-served',
    file: 'libs/nurture/src/planted-nest.ts',
    line: "import '@nestjs/cqrs';",
  },
  {
    rule: 'nest-where-http-is-served',
    file: 'apps/worker/src/planted-nest.ts',
    line: "import '@nestjs/core';",
  },
  { rule: 'kafkajs-in-event-log', file: 'apps/collector/src/planted-kafka.ts', line: "import 'kafkajs';" },
  { rule: 'bullmq-in-job-queue', file: 'libs/delivery/src/planted-bull.ts', line: "import 'bullmq';" },
  { rule: 'bullmq-in-job-queue', file: 'apps/worker/src/planted-redis.ts', line: "import 'ioredis';" },
  { rule: 'senders-in-delivery', file: 'libs/nurture/src/planted-mail.ts', line: "import 'nodemailer';" },
  { rule: 'no-test-code-in-production', file: 'libs/leads/src/planted-test.ts', line: "import 'fast-check';" },
];

/** What is allowed, so that a rule that fires at everything is noticed too. */
export const allowed: { file: string; line: string }[] = [
  { file: 'libs/event-log/src/allowed-kafka.ts', line: "import 'kafkajs';" },
  { file: 'libs/job-queue/src/allowed-bull.ts', line: "import 'bullmq';\nimport 'ioredis';" },
  {
    file: 'libs/leads/src/domain/allowed-pure.ts',
    line: "import 'zod';\nimport { createHash } from 'node:crypto';\ncreateHash('md5');",
  },
  { file: 'libs/scoring/src/domain/allowed-domain.ts', line: "import '#libs/leads/domain';" },
  {
    file: 'libs/nurture/src/allowed-reading.ts',
    line: "import '#libs/projection';\nimport '#libs/delivery';\nimport '#libs/segments/domain';",
  },
  { file: 'libs/handoff/src/allowed-reading.ts', line: "import '#libs/projection';\nimport '#libs/scoring/domain';" },
  { file: 'libs/delivery/src/allowed-mail.ts', line: "import 'nodemailer';" },
  { file: 'libs/leads/src/domain/allowed.spec.ts', line: "import 'fast-check';\nimport 'node:fs';" },
  {
    file: 'apps/collector/src/allowed.ts',
    line: "import '#libs/event-log';\nimport '#libs/platform';\nimport '#libs/sources';\nimport '#libs/leads/domain';",
  },
  { file: 'apps/projector/src/allowed.ts', line: "import '#libs/projection';\nimport '#migrations';" },
];
