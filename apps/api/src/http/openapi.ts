import type { INestApplication } from '@nestjs/common';
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger';

const problem = {
  type: 'object',
  required: ['type', 'title', 'status', 'detail', 'instance', 'code'],
  properties: {
    type: { type: 'string', format: 'uri' },
    title: { type: 'string' },
    status: { type: 'integer' },
    detail: { type: 'string' },
    instance: { type: 'string' },
    code: { type: 'string', description: 'Stable: programs may depend on it' },
    errors: {
      type: 'array',
      items: {
        type: 'object',
        required: ['path', 'code', 'message'],
        properties: { path: { type: 'string' }, code: { type: 'string' }, message: { type: 'string' } },
      },
    },
  },
} as const;

const description = `Leads, scores and stages out; configuration and sales outcomes in.

Authenticate with \`Authorization: Bearer lfk_…\`. Every refusal is an RFC 9457 problem (\`application/problem+json\`) whose \`code\`
is stable and whose \`errors\` name the field. To read your own write, add \`?after=<source>/<messageId>\` to a query: it waits
until that event is folded, or answers 504 with \`after-timeout\`.`;

/** OpenAPI 3.1 from the schemas the routes validate with; \`docs/openapi.json\` is this document, checked for drift. */
export function buildOpenApi(app: INestApplication): OpenAPIObject {
  const base = new DocumentBuilder()
    .setOpenAPIVersion('3.1.0')
    .setTitle('Leadfold')
    .setDescription(description)
    .setVersion('1')
    .setLicense('Apache-2.0', 'https://www.apache.org/licenses/LICENSE-2.0')
    .addBearerAuth({ type: 'http', scheme: 'bearer', bearerFormat: 'lfk_' })
    .build();
  const document = SwaggerModule.createDocument(app, base, { operationIdFactory: operationId });
  document.components = {
    ...document.components,
    schemas: { ...document.components?.schemas, Problem: problem as never },
  };
  for (const path of Object.values(document.paths))
    for (const operation of Object.values(path as Record<string, { responses?: Record<string, unknown> }>))
      if (operation?.responses)
        operation.responses['default'] = {
          description: 'Refused',
          content: { 'application/problem+json': { schema: { $ref: '#/components/schemas/Problem' } } },
        };
  return document;
}

/** `LeadsController.list` becomes `leads.list`. */
const operationId = (controller: string, method: string): string => {
  const resource = controller.replace(/Controller$/, '');
  return `${resource.charAt(0).toLowerCase()}${resource.slice(1)}.${method}`;
};
