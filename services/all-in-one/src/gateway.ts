/** Gives separately running services one origin, for development and tests; production uses deploy/gateway. */
import httpProxy from '@fastify/http-proxy';
import Fastify from 'fastify';

export interface GatewayTargets {
  readonly ingest: string;
  readonly inbox: string;
  readonly console: string;
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
    await app.register(httpProxy, { upstream, prefix, rewritePrefix: prefix });
  }
  const url = await app.listen({ port, host: '127.0.0.1' });
  return { url, close: () => app.close() };
}
