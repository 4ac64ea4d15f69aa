// Which part may know which. Every rule has a probe in test/architecture that plants a violation of it.
const libs = {
  platform: [],
  'event-log': ['platform'],
  'job-queue': ['platform'],
  leads: ['platform', 'event-log', 'job-queue'],
  sources: ['platform'],
  scoring: ['platform', 'leads'],
  funnel: ['platform', 'leads'],
  segments: ['platform', 'leads'],
  projection: ['platform', 'event-log', 'leads', 'scoring', 'funnel', 'segments'],
  delivery: ['platform', 'event-log', 'job-queue', 'leads'],
  nurture: ['platform', 'event-log', 'job-queue', 'leads', 'scoring', 'funnel', 'segments', 'projection', 'delivery'],
  insights: ['platform', 'leads', 'scoring', 'funnel', 'segments', 'projection'],
  handoff: ['platform', 'event-log', 'job-queue', 'leads', 'scoring', 'funnel', 'segments', 'projection', 'delivery'],
  privacy: ['platform', 'event-log', 'leads', 'scoring', 'funnel', 'segments', 'projection', 'delivery', 'nurture'],
};
const specs = '\\.(int-|e2e-)?spec\\.ts$|^apps/[^/]+/test/';
const npm = (...names) => `(^|/)node_modules/(${names.join('|')})/`;

export default {
  forbidden: [
    { name: 'no-cycle', severity: 'error', from: {}, to: { circular: true } },
    { name: 'resolvable', severity: 'error', from: {}, to: { couldNotResolve: true } },
    {
      name: 'domain-is-pure',
      comment:
        'no Nest, no IO, no shell; hashing, schemas, parsing, address ranges and the public suffix list are pure',
      severity: 'error',
      from: { path: '^libs/[^/]+/src/domain/', pathNot: specs },
      to: { pathNot: ['^libs/[^/]+/src/domain/', '^(node:)?crypto$', npm('zod', 'yaml', 'ipaddr.js', 'tldts')] },
    },
    {
      name: 'libs-by-their-doors',
      severity: 'error',
      from: { path: '^libs/([^/]+)/' },
      to: { path: '^libs/', pathNot: ['^libs/$1/', '^libs/[^/]+/src/(domain/)?index\\.ts$'] },
    },
    {
      name: 'doors-from-outside',
      severity: 'error',
      // a test under test/ may look at one adapter from the inside
      from: { pathNot: '^(libs|test)/' },
      to: { path: '^libs/', pathNot: '^libs/[^/]+/src/(domain/)?index\\.ts$' },
    },
    ...Object.entries(libs).map(([lib, allowed]) => ({
      name: `direction-${lib}`,
      severity: 'error',
      from: { path: `^libs/${lib}/`, pathNot: specs },
      to: { path: '^libs/', pathNot: `^libs/(${[lib, ...allowed].join('|')})/` },
    })),
    {
      name: 'libs-know-no-outside',
      comment: 'migrations, apps, tools and tests know libs, never the other way',
      severity: 'error',
      from: { path: '^libs/', pathNot: specs },
      to: { path: '^(apps|tools|test|bench|database)/' },
    },
    {
      name: 'apps-know-no-outside',
      comment: 'apps are processes: they know libs and the list of migrations',
      severity: 'error',
      from: { path: '^apps/([^/]+)/', pathNot: specs },
      to: { path: '^(apps|tools|test|bench)/', pathNot: '^apps/$1/' },
    },
    {
      name: 'collector-sees-little',
      severity: 'error',
      from: { path: '^apps/collector/', pathNot: specs },
      to: { path: '^libs/', pathNot: '^libs/(event-log|platform|sources)/|^libs/leads/src/domain/' },
    },
    {
      name: 'projector-never-acts',
      severity: 'error',
      from: { path: '^apps/projector/', pathNot: specs },
      to: { path: '^libs/(delivery|nurture|handoff|job-queue)/' },
    },
    {
      name: 'kafkajs-in-event-log',
      comment: 'and in the health check of the local broker',
      severity: 'error',
      from: { path: '^(libs|apps|tools)/', pathNot: '^libs/event-log/|^tools/services/kafka-health\\.ts$' },
      to: { path: npm('kafkajs') },
    },
    {
      name: 'bullmq-in-job-queue',
      severity: 'error',
      from: { path: '^(libs|apps|tools)/', pathNot: '^libs/job-queue/' },
      to: { path: npm('bullmq', 'ioredis') },
    },
    {
      name: 'senders-in-delivery',
      comment: 'one lib speaks to the outside world',
      severity: 'error',
      from: { path: '^(libs|apps)/', pathNot: ['^libs/delivery/', specs] },
      to: { path: npm('nodemailer', '@slack/webhook', 'standardwebhooks') },
    },
    {
      name: 'nest-where-http-is-served',
      comment: 'types alone load nothing',
      severity: 'error',
      from: { path: '^(libs|apps/(worker|projector))/', pathNot: specs },
      to: { path: npm('@nestjs/[^/]+'), dependencyTypesNot: ['type-only'] },
    },
    {
      name: 'no-test-code-in-production',
      severity: 'error',
      from: { path: '^(libs|apps|database)/', pathNot: specs },
      to: { path: npm('@jest', 'jest', 'fast-check', 'autocannon', 'maildev', 'smtp-server') },
    },
  ],
  options: {
    doNotFollow: { path: 'node_modules' },
    exclude: { path: '^(dist|\\.local|coverage)/' },
    tsPreCompilationDeps: true,
    tsConfig: { fileName: 'tsconfig.json' },
    enhancedResolveOptions: { conditionNames: ['app-src', 'import', 'node', 'default'], exportsFields: ['exports'] },
    moduleSystems: ['es6'],
  },
};
