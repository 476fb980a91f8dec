import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { startGateway } from './gateway.js';

describe('gateway', () => {
  const closers: (() => unknown)[] = [];
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close();
  });

  async function serviceThatSays(name: string): Promise<string> {
    const server: Server = createServer((request, response) => response.end(`${name} ${request.url}`));
    await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
    closers.push(() => server.close());
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  }

  it.each([
    ['/v1/events', 'ingest'],
    ['/v1/events/batch', 'ingest'],
    ['/v1/cloudevents', 'ingest'],
    ['/v1/messages?limit=1', 'inbox'],
    ['/v1/messages/mark-read', 'inbox'],
    ['/v1/webhooks', 'console'],
    ['/docs', 'console'],
  ])('sends %s to %s', async (path, service) => {
    const [ingest, inbox, console] = await Promise.all(['ingest', 'inbox', 'console'].map(serviceThatSays));
    const gateway = await startGateway(0, { ingest: ingest!, inbox: inbox!, console: console! });
    closers.push(() => gateway.close());
    expect(await (await fetch(gateway.url + path)).text()).toBe(`${service} ${path}`);
  });

  it('answers 503 with Retry-After where a service is away, and keeps metrics to itself', async () => {
    const nobody = 'http://127.0.0.1:1';
    const gateway = await startGateway(0, { ingest: nobody, inbox: nobody, console: nobody });
    closers.push(() => gateway.close());
    const answer = await fetch(`${gateway.url}/v1/events`, { method: 'POST', body: '{}' });
    expect(answer.status).toBe(503);
    expect(answer.headers.get('retry-after')).toBe('1');
    expect(answer.headers.get('content-type')).toContain('application/problem+json');
    expect((await fetch(`${gateway.url}/metrics`)).status).toBe(404);
  });
});
