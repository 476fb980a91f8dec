import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from '@jest/globals';
import { HttpConnection } from './http-connection.js';
import { LoadGenerator, type LoadPlan } from './load-generator.js';
import { latencyOf } from './percentiles.js';
import { EVENT_MARK } from './posts.js';
import { SinkServer } from './sink-server.js';

describe('the load', () => {
  let server: Server;
  const bodies: { id?: string; title: string; path: string; events: unknown[] }[] = [];

  afterEach(() => {
    server.closeAllConnections();
    server.close();
    bodies.length = 0;
  });

  async function against(answer: RequestListener, more: Partial<LoadPlan>): Promise<LoadGenerator> {
    server = createServer((request, response) => {
      let text = '';
      request.on('data', (chunk) => {
        text += chunk;
      });
      request.on('end', () => {
        bodies.push({ path: request.url, authorization: request.headers.authorization, ...JSON.parse(text) });
        answer(request, response);
      });
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    return new LoadGenerator({
      host: '127.0.0.1',
      port: (server.address() as AddressInfo).port,
      key: 'k',
      targets: [
        { accountId: 'a', subtype: 'svc_bill' },
        { accountId: 'b', subtype: 'svc_invoice' },
      ],
      batch: 1,
      bodyBytes: 100,
      first: 7,
      pace: { inFlight: 4 },
      eventsAtMost: 20,
      secondsAtMost: 10,
      repeats: false,
      keepEventIds: false,
      ...more,
    });
  }

  const accept: RequestListener = (_request, response) => {
    const body = JSON.stringify({ eventId: '0'.repeat(36), status: 'accepted' });
    response.writeHead(202, { 'content-length': body.length }).end(body);
  };

  it('posts each event once, numbered, to the target of its number', async () => {
    const load = await against(accept, {});
    const result = await load.run();
    expect(result).toMatchObject({ first: 7, end: 27, requests: 20, statuses: { 202: 20 } });
    expect(bodies.map(({ title }) => title).sort()).toEqual(
      Array.from({ length: 20 }, (_, index) => `${EVENT_MARK}${String(index + 7).padStart(9, '0')}`),
    );
    expect(bodies[0]).toMatchObject({
      path: '/v1/events',
      authorization: 'Bearer k',
      accountId: 'b',
      subtype: 'svc_invoice',
    });
    expect([...result.acceptedAt].every((at, index) => at > result.sentAt[index]!)).toBe(true);
  });

  it('repeats under the same key until the event is accepted', async () => {
    let calls = 0;
    const load = await against(
      (request, response) => {
        calls += 1;
        if (calls === 1) response.writeHead(503, { 'content-length': 0 }).end();
        else if (calls === 2) request.socket.destroy();
        else accept(request, response);
      },
      { eventsAtMost: 3, pace: { inFlight: 1 }, repeats: true, keepEventIds: true, keyPrefix: 'p-' },
    );
    const result = await load.run();
    expect(result.repeated).toBe(2);
    expect(result.eventIds).toHaveLength(3);
    expect(bodies.map(({ id }) => id)).toEqual([
      'p-000000007',
      'p-000000007',
      'p-000000007',
      'p-000000008',
      'p-000000009',
    ]);
  });

  it('takes what is refused for not accepted', async () => {
    const load = await against((_request, response) => response.writeHead(422, { 'content-length': 0 }).end(), {
      repeats: true,
    });
    const result = await load.run();
    expect(result).toMatchObject({ repeated: 0, statuses: { 422: 20 } });
    expect([...result.acceptedAt].every((at) => at === 0)).toBe(true);
  });

  it('keeps an open loop’s rate while answers are outstanding, and counts from when a post was due', async () => {
    const load = await against((request, response) => setTimeout(() => accept(request, response), 300), {
      pace: { ratePerSecond: 100 },
      eventsAtMost: 30,
    });
    const result = await load.run();
    expect(result.sentAt[29]! - result.sentAt[0]!).toBeCloseTo(290, 3);
    expect(result.endedAtMs - result.startedAtMs).toBeLessThan(600);
  });

  it('posts batches', async () => {
    const load = await against(accept, { batch: 5, eventsAtMost: 10, pace: { inFlight: 1 } });
    const result = await load.run();
    expect(result).toMatchObject({ requests: 2, end: 17 });
    expect(bodies.map(({ path, events }) => [path, events.length])).toEqual([
      ['/v1/events/batch', 5],
      ['/v1/events/batch', 5],
    ]);
  });
});

describe('the sink', () => {
  it('tells first arrivals, duplicates, foreign ids, refusals and held calls apart', async () => {
    const sink = new SinkServer();
    const port = await sink.listen();
    const post = (endpoint: number, number: number, id: string) => {
      const body = JSON.stringify({ data: { content: { title: `${EVENT_MARK}${String(number).padStart(9, '0')}` } } });
      const head = `POST /e/${endpoint} HTTP/1.1\r\nwebhook-id: ${id.padEnd(36, '0')}\r\ncontent-length: ${body.length}\r\n\r\n`;
      const connection = new HttpConnection('127.0.0.1', port);
      return new Promise<number>((resolve) => {
        connection.send(head + body, (status) => {
          connection.close();
          resolve(status);
        });
        setTimeout(() => connection.close(), 500).unref();
      });
    };
    sink.setMode(2, 503);
    sink.setMode(3, 'hang');
    expect(await post(1, 1, 'aaaaaaaa-0001-')).toBe(200);
    expect(await post(1, 1, 'aaaaaaaa-0001-')).toBe(200);
    expect(await post(1, 1, 'aaaaaaaa-0002-')).toBe(200);
    expect(await post(2, 2, 'bbbbbbbb-0001-')).toBe(503);
    sink.setMode(2, 'ok');
    expect(await post(2, 2, 'bbbbbbbb-0001-')).toBe(200);
    void post(3, 3, 'cccccccc-0001-');
    while (sink.counts.held === 0) await new Promise((resolve) => setImmediate(resolve));
    expect(sink.counts).toEqual({
      delivered: 2,
      duplicates: 2,
      otherIds: 1,
      refused: 1,
      held: 1,
      heldAtMost: 1,
      unreadable: 0,
    });
    expect([...sink.arrivals].map((at) => at > 0)).toEqual([false, true, true]);
    sink.close();
  });
});

describe('percentiles', () => {
  it('name values that were measured', () => {
    expect(latencyOf(Array.from({ length: 100 }, (_, index) => index + 1))).toEqual({
      count: 100,
      p50: 50,
      p95: 95,
      p99: 99,
      max: 100,
    });
    expect(latencyOf([])).toEqual({ count: 0, p50: 0, p95: 0, p99: 0, max: 0 });
  });
});
