/** The calls by which a demo registers its robots, and tests see what came in and command faults. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { z } from 'zod';
import { faultSchema, receivedQuerySchema, robotSchema, settingsSchema } from './admin-schemas.js';
import { robotUrl } from './platform-routes.js';
import { parseJson } from './platforms/payload.js';
import type { PlatformId } from './platforms/platform.js';
import { recordedAnswers } from './recorded-answers.js';
import { makeRobot, type Robot } from './robots.js';
import type { SandboxState } from './sandbox-state.js';

export function addAdminRoutes(app: FastifyInstance, state: SandboxState, origin: () => string): void {
  const { robots, received, faults, limits, clock } = state;
  const shown = ({ secret, ...robot }: Robot) => ({
    ...robot,
    signed: secret !== undefined,
    url: robotUrl(robot, origin()),
  });
  const settings = () => ({ rateLimits: limits.isEnabled, open: state.isOpen, clockOffsetMs: clock.offsetMs });

  app.get('/livez', (_request, reply) => reply.send({ status: 'ok' }));
  app.get('/readyz', (_request, reply) => reply.send({ status: 'ok', checks: {} }));

  app.post('/robots', (request, reply) => {
    const given = parsed(robotSchema, request, reply);
    if (!given) return reply;
    const token = given.token ?? newToken(given.platform);
    const robot = makeRobot({ ...given, token, name: given.name ?? token });
    robots.register(robot);
    return reply.code(201).send(shown(robot));
  });
  app.get('/robots', (_request, reply) => reply.send({ items: robots.all().map(shown) }));
  app.delete('/robots', (_request, reply) => {
    robots.clear();
    return reply.code(204).send();
  });

  app.get('/received', (request, reply) => {
    const query = receivedQuerySchema.safeParse(request.query);
    return query.success ? reply.send({ items: received.list(query.data) }) : refuse(reply, query.error);
  });
  app.delete('/received', (_request, reply) => {
    received.clear();
    return reply.code(204).send();
  });

  app.post('/faults', (request, reply) => {
    const fault = parsed(faultSchema, request, reply);
    return fault ? reply.code(201).send({ id: faults.add(fault) }) : reply;
  });
  app.get('/faults', (_request, reply) => reply.send({ items: faults.list() }));
  app.delete('/faults', (_request, reply) => {
    faults.clear();
    return reply.code(204).send();
  });
  app.delete<{ Params: { id: string } }>('/faults/:id', (request, reply) =>
    faults.remove(request.params.id) ? reply.code(204).send() : problem(reply, 404, 'There is no such fault.'),
  );

  app.get('/recorded-answers', (_request, reply) => reply.send({ items: Object.keys(recordedAnswers) }));

  app.get('/settings', (_request, reply) => reply.send(settings()));
  app.put('/settings', (request, reply) => {
    const given = parsed(settingsSchema, request, reply);
    if (!given) return reply;
    limits.isEnabled = given.rateLimits ?? limits.isEnabled;
    limits.forget();
    state.isOpen = given.open ?? state.isOpen;
    clock.offsetMs = given.clockOffsetMs ?? clock.offsetMs;
    return reply.send(settings());
  });
}

/** As the platform would make one. */
function newToken(platform: PlatformId): string {
  const letters = (bytes: number) => randomBytes(bytes).toString('hex').toUpperCase();
  switch (platform) {
    case 'dingtalk':
      return randomBytes(32).toString('hex');
    case 'slack':
      return `T${letters(4)}/B${letters(5)}/${randomBytes(12).toString('hex')}`;
    case 'webhook':
      return randomBytes(6).toString('hex');
    default:
      return randomUUID();
  }
}

/**
 * The body by its schema; undefined where it was refused, and the reply is sent. Only JSON is read: a page of another
 * site can't send that type without asking first, and nobody here says yes.
 */
function parsed<Schema extends z.ZodType>(
  schema: Schema,
  request: FastifyRequest,
  reply: FastifyReply,
): z.infer<Schema> | undefined {
  if (!/^application\/json\b/.test(request.sentType ?? '')) {
    problem(reply, 415, 'Send application/json.');
    return undefined;
  }
  const result = schema.safeParse(Buffer.isBuffer(request.body) ? parseJson(request.body) : undefined);
  if (result.success) return result.data;
  refuse(reply, result.error);
  return undefined;
}

function refuse(reply: FastifyReply, error: z.ZodError): FastifyReply {
  const errors = error.issues.map(({ path, message }) => ({ path: `/${path.join('/')}`, message }));
  return problem(reply, 422, 'Some fields are not as they should be.', errors);
}

function problem(reply: FastifyReply, status: number, title: string, errors?: readonly object[]): FastifyReply {
  const body = { type: 'about:blank', title, status, ...(errors && { errors }) };
  return reply.code(status).type('application/problem+json').send(JSON.stringify(body));
}
