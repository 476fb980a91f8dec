/** Nest on Fastify, with what every answer of Herald has: a request id, problem+json, and limits. */
import { randomUUID } from 'node:crypto';
import { type ArgumentsHost, Catch, type ExceptionFilter, HttpException } from '@nestjs/common';
import { FastifyAdapter } from '@nestjs/platform-fastify';
import type { FastifyInstance, FastifyReply, FastifyRequest, onResponseHookHandler } from 'fastify';
import type { Health } from '../health/health.js';
import type { Logger } from '../log/logger.js';
import type { Metrics } from '../metrics/metrics.js';
import { isNotNow } from '../postgres/faults.js';
import { bearerOf, cookieOf, type HeraldRequest } from './handles.js';
import { Problem, unavailable } from './problem.js';

const BODY_LIMIT = 256 * 1024;
const SAFE_METHODS = new Set(['GET', 'HEAD', 'OPTIONS']);

export function makeAdapter(): FastifyAdapter {
  return new FastifyAdapter({
    bodyLimit: BODY_LIMIT,
    genReqId: (request: { headers: Record<string, unknown> }) => {
      const given = request.headers['x-request-id'];
      return typeof given === 'string' && /^[\w.:-]{1,100}$/.test(given) ? given : randomUUID();
    },
    forceCloseConnections: 'idle',
    // A service that ends says so itself, with Retry-After.
    return503OnClosing: false,
    routerOptions: { maxParamLength: 512 },
  }) as FastifyAdapter;
}

export function prepareServer(server: FastifyInstance, parts: { health: Health; metrics: Metrics }): void {
  server.addHook('onRoute', (route) => {
    const limit = (route.config as { bodyLimit?: number } | undefined)?.bodyLimit;
    if (limit) route.bodyLimit = limit;
  });
  server.addHook('onRequest', (request, reply, done) => {
    reply.header('x-request-id', request.id);
    done(
      forgedFromOutside(request) ? new Problem(403, 'Calls with a session need the header x-herald-csrf.') : undefined,
    );
  });
  server.addHook('onResponse', timeAnswers(parts.metrics));
  server.removeAllContentTypeParsers();
  for (const type of ['application/json', 'application/cloudevents+json', 'application/cloudevents-batch+json']) {
    server.addContentTypeParser(type, { parseAs: 'string' }, (request, body, done) =>
      parseJson(request, body as string, done),
    );
  }
  server.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (request, body, done) => {
    (request as HeraldRequest).heraldEscapes = body.includes('%');
    done(null, body === '' ? undefined : Object.fromEntries(new URLSearchParams(body as string)));
  });
  server.addContentTypeParser('*', { parseAs: 'string' }, (_request, body, done) =>
    body === '' ? done(null, undefined) : done(new Problem(415, 'Send application/json.')),
  );
  server.get('/livez', (_request, reply) => reply.send({ status: 'ok' }));
  server.get('/readyz', async (_request, reply) => {
    const { ready, checks } = await parts.health.ask();
    return reply.code(ready ? 200 : 503).send({ status: ready ? 'ok' : 'not ready', checks });
  });
  server.get('/metrics', async (_request, reply) =>
    reply.type(parts.metrics.registry.contentType).send(await parts.metrics.registry.metrics()),
  );
}

/** By route as declared, never by URL: a closed set. */
function timeAnswers(metrics: Metrics): onResponseHookHandler {
  const durations = metrics.histogram(
    'http_request_duration_seconds',
    'From a request to its answer',
    ['method', 'route', 'status'],
    [0.005, 0.025, 0.1, 0.5, 2.5, 10],
  );
  const known = new Map<string, { observe(seconds: number): void }>();
  return (request, reply, done) => {
    const route = request.routeOptions.url ?? 'none';
    const key = `${reply.statusCode} ${request.method} ${route}`;
    let series = known.get(key);
    if (!series) {
      series = durations.labels(request.method, route, `${Math.floor(reply.statusCode / 100)}xx`);
      known.set(key, series);
    }
    series.observe(reply.elapsedTime / 1_000);
    done();
  };
}

/** A cookie travels by itself, a header doesn't: looked at before the body is. */
function forgedFromOutside(request: FastifyRequest): boolean {
  if (SAFE_METHODS.has(request.method) || bearerOf(request.headers.authorization) !== null) return false;
  return cookieOf(request.headers.cookie, 'herald_session') !== null && request.headers['x-herald-csrf'] === undefined;
}

function parseJson(request: FastifyRequest, body: string, done: (error: Error | null, value?: unknown) => void): void {
  if (body === '') {
    done(null, undefined);
    return;
  }
  try {
    const value = JSON.parse(body);
    const hasEscapes = body.includes('\\u');
    (request as HeraldRequest).heraldEscapes = hasEscapes;
    if ((hasEscapes || body.includes('__proto__')) && holdsProto(value)) {
      done(new Problem(400, 'The key __proto__ is refused.'));
    } else done(null, value);
  } catch {
    done(new Problem(400, 'The body is not JSON.'));
  }
}

function holdsProto(value: unknown): boolean {
  if (value === null || typeof value !== 'object') return false;
  return Object.hasOwn(value, '__proto__') || Object.values(value).some(holdsProto);
}

const fastifyStatus: Record<string, number> = {
  FST_ERR_CTP_BODY_TOO_LARGE: 413,
  FST_ERR_CTP_INVALID_MEDIA_TYPE: 415,
  FST_ERR_CTP_INVALID_CONTENT_LENGTH: 400,
  FST_ERR_CTP_EMPTY_JSON_BODY: 400,
};

/** Registered by whoever starts the server, never by a service's module. */
@Catch()
export class ProblemFilter implements ExceptionFilter {
  constructor(private readonly logger: Logger) {}

  catch(error: unknown, host: ArgumentsHost): void {
    const reply = host.switchToHttp().getResponse<FastifyReply>();
    const request = host.switchToHttp().getRequest<FastifyRequest>();
    const problem = this.problemOf(error, request);
    if (reply.sent) return;
    for (const [name, value] of Object.entries(problem.more.headers ?? {})) reply.header(name, value);
    void reply
      .code(problem.status)
      .header('content-type', 'application/problem+json; charset=utf-8')
      .send(JSON.stringify(problem.body));
  }

  private problemOf(error: unknown, request: FastifyRequest): Problem {
    if (error instanceof Problem) return error;
    const known = fastifyStatus[(error as { code?: string }).code ?? ''];
    if (known) return new Problem(known, known === 413 ? 'The body is larger than this call takes.' : undefined);
    if (error instanceof HttpException) return new Problem(error.getStatus());
    if (isNotNow(error)) {
      this.logger.warn({ error, requestId: request.id }, 'a call met an unavailable database or bus');
      return unavailable('A part of Herald is not available right now. Try again.');
    }
    const status = (error as { statusCode?: number }).statusCode;
    if (status && status >= 400 && status < 500) return new Problem(status);
    this.logger.error({ error, requestId: request.id }, 'a call failed');
    return new Problem(500, `Something went wrong here. The request id is ${request.id}.`);
  }
}
