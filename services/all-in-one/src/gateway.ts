/** Gives separately running services one origin, for development and tests; production uses deploy/gateway. */
import httpProxy from '@fastify/http-proxy';
import Fastify, { type FastifyReply } from 'fastify';

export interface GatewayTargets {
  readonly ingest: string;
  readonly inbox: string;
  readonly console: string;
}

/** A service that is being started again: nothing was taken, a repeat is harmless. */
function unreachable(reply: FastifyReply): void {
  const title = 'A part of Herald is not available right now. Try again.';
  reply
    .code(503)
    .header('retry-after', '1')
    .type('application/problem+json')
    .send(JSON.stringify({ type: 'about:blank', title, status: 503 }));
}

/** The longest prefix wins; everything that isn't named belongs to the console (docs/configuration.md, HERALD_PORT). */
export async function startGateway(
  port: number,
  targets: GatewayTargets,
): Promise<{ url: string; close(): Promise<void> }> {
  const app = Fastify({ bodyLimit: 8 * 1024 * 1024, forceCloseConnections: true });
  app.get('/metrics', (_request, reply) => reply.code(404).send());
  for (const [prefix, upstream] of [
    ['/v1/events', targets.ingest],
    ['/v1/cloudevents', targets.ingest],
    ['/v1/messages', targets.inbox],
    ['/', targets.console],
  ] as const) {
    await app.register(httpProxy, {
      upstream,
      prefix,
      rewritePrefix: prefix,
      replyOptions: { onError: (reply) => unreachable(reply as unknown as FastifyReply) },
    });
  }
  const url = await app.listen({ port, host: '127.0.0.1' });
  return { url, close: () => app.close() };
}
