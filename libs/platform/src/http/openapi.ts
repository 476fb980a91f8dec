/** The OpenAPI 3.1 document, generated from the operations that validate. */
import type { Operation } from '@herald/contracts';
import { problemSchema } from '@herald/contracts';
import { z } from 'zod';

const schemaOf = (schema: z.ZodType, io: 'input' | 'output') => {
  const { $schema: _, ...json } = z.toJSONSchema(schema, { io, unrepresentable: 'any' }) as Record<string, unknown>;
  return json;
};

export function openApiDocument(operations: readonly Operation[], publicUrl: string): Record<string, unknown> {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const operation of operations) {
    const path = operation.path.replace(/:(\w+)/g, '{$1}');
    paths[path] = { ...paths[path], [operation.method.toLowerCase()]: describe(operation) };
  }
  return {
    openapi: '3.1.0',
    info: { title: 'Herald', version: '1', license: { name: 'Apache-2.0', identifier: 'Apache-2.0' } },
    servers: [{ url: publicUrl }],
    paths,
    components: {
      securitySchemes: {
        bearer: {
          type: 'http',
          scheme: 'bearer',
          description: 'API key of a producer, personal token, or the operator’s token',
        },
        session: { type: 'apiKey', in: 'cookie', name: 'herald_session' },
      },
    },
  };
}

function describe(operation: Operation): Record<string, unknown> {
  const { id, tag, summary, permission, params, query, body, answers, contentTypes = ['application/json'] } = operation;
  const hasBody = !(body instanceof z.ZodUndefined);
  return {
    operationId: id,
    tags: [tag],
    summary,
    'x-permission': permission,
    ...(permission === 'public'
      ? { security: [] }
      : { security: permission === 'producer' ? [{ bearer: [] }] : [{ bearer: [] }, { session: [] }] }),
    parameters: [...parametersOf(params, 'path'), ...parametersOf(query, 'query')],
    ...(hasBody
      ? {
          requestBody: {
            required: !(body instanceof z.ZodOptional),
            content: Object.fromEntries(contentTypes.map((type) => [type, { schema: schemaOf(body, 'input') }])),
          },
        }
      : {}),
    responses: {
      ...Object.fromEntries(
        Object.entries(answers).map(([status, schema]) => [
          status,
          {
            description: status,
            ...(schema ? { content: { 'application/json': { schema: schemaOf(schema, 'output') } } } : {}),
          },
        ]),
      ),
      default: {
        description: 'A problem',
        content: { 'application/problem+json': { schema: schemaOf(problemSchema, 'output') } },
      },
    },
  };
}

function parametersOf(schema: z.ZodType, where: 'path' | 'query'): unknown[] {
  const json = schemaOf(schema, 'input') as { properties?: Record<string, unknown>; required?: string[] };
  return Object.entries(json.properties ?? {}).map(([name, property]) => ({
    name,
    in: where,
    required: where === 'path' || (json.required?.includes(name) ?? false),
    schema: property,
  }));
}
