import { createServer, type RequestListener, type Server } from 'node:http';
import { type AddressInfo, createServer as createTcpServer, type Server as TcpServer } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AddressGuard, type ResolveName } from './address-guard.js';
import { type Failure, ProviderError } from './channel.js';
import { makeHttpClients } from './http-io.js';

const never = new AbortController().signal;

/** Literal hosts, each a way to write or to carry an address that must not be called. */
const hostileHosts = [
  '127.0.0.1',
  '127.0.0.1.',
  '127.1',
  '127.0.1',
  '127.255.255.254',
  '0',
  '0.0.0.0',
  '0.0.0.1',
  '2130706433',
  '017700000001',
  '0x7f000001',
  '0x7f.0.0.1',
  '0x7f.1',
  '0177.0.0.1',
  '0177.0.0.01',
  '127.0.0.0x1',
  '%31%32%37.0.0.1',
  '１２７.０.０.１',
  '①②⑦.⓪.⓪.①',
  '127。0。0。1',
  '10.0.0.1',
  '10.255.255.255',
  '167772161',
  '100.64.0.1',
  '100.100.100.200',
  '169.254.169.254',
  '2852039166',
  '0xa9fea9fe',
  '0251.0376.0251.0376',
  '172.16.0.1',
  '172.31.255.255',
  '192.0.0.1',
  '192.0.0.192',
  '192.0.2.1',
  '192.88.99.1',
  '192.168.0.1',
  '192.168.1',
  '192.31.196.1',
  '192.52.193.1',
  '192.175.48.1',
  '198.18.0.1',
  '198.19.255.255',
  '198.51.100.1',
  '203.0.113.1',
  '224.0.0.1',
  '239.255.255.255',
  '240.0.0.1',
  '255.255.255.255',
  '168.63.129.16',
  '[::]',
  '[::1]',
  '[0:0:0:0:0:0:0:1]',
  '[0000:0000:0000:0000:0000:0000:0000:0001]',
  '[::127.0.0.1]',
  '[::7f00:1]',
  '[::ffff:127.0.0.1]',
  '[::ffff:7f00:1]',
  '[::ffff:10.0.0.1]',
  '[::ffff:a9fe:a9fe]',
  '[0:0:0:0:0:ffff:7f00:1]',
  '[::ffff:0:127.0.0.1]',
  '[64:ff9b::127.0.0.1]',
  '[64:ff9b::a00:1]',
  '[64:ff9b:1::7f00:1]',
  '[2002:7f00:1::]',
  '[2002:a00:1::1]',
  '[2002:808:808::1]',
  '[2001::1]',
  '[2001:0:4136:e378:8000:63bf:3fff:fdd2]',
  '[2001:db8::1]',
  '[2001:10::1]',
  '[3fff::1]',
  '[100::1]',
  '[100:0:0:1::1]',
  '[5f00::1]',
  '[fc00::1]',
  '[fd00:ec2::254]',
  '[fe80::1]',
  '[fec0::1]',
  '[ff02::1]',
  '[4000::1]',
];

describe('the guarded client', () => {
  const opened: (Server | TcpServer)[] = [];
  let reached = 0;
  let port = 0;

  const listen = (server: Server | TcpServer, host: string, at = 0) =>
    new Promise<number>((done, fail) => {
      server.once('error', fail);
      server.listen(at, host, () => {
        opened.push(server);
        done((server.address() as AddressInfo).port);
      });
    });

  beforeAll(async () => {
    const counting = () =>
      createTcpServer((socket) => {
        reached += 1;
        socket.destroy();
      });
    port = await listen(counting(), '127.0.0.1');
    await listen(counting(), '::1', port).catch(() => undefined);
  });
  afterAll(() => {
    for (const server of opened) server.close();
  });

  const request = (
    url: string,
    options: { allow?: string[]; resolve?: ResolveName; origins?: Record<string, string>; signal?: AbortSignal } = {},
  ) => {
    const clients = makeHttpClients({
      allow: options.allow ?? [],
      origins: options.origins ?? {},
      attemptTimeoutMs: 5_000,
      ...(options.resolve ? { resolve: options.resolve } : {}),
    });
    return clients
      .for('webhook')
      .request({ method: 'POST', url, headers: { 'content-type': 'text/plain' }, body: 'x' }, options.signal ?? never)
      .finally(() => clients.close());
  };
  const failureOf = async (attempt: Promise<unknown>): Promise<Failure> => {
    const error = await attempt.then(
      () => null,
      (found: unknown) => found,
    );
    expect(error).toBeInstanceOf(ProviderError);
    return (error as ProviderError).failure;
  };
  const answers = (...sets: string[][]): ResolveName => {
    let asked = 0;
    return (_, __, callback) => {
      const addresses = sets[Math.min(asked, sets.length - 1)]!;
      asked += 1;
      setImmediate(() =>
        callback(
          null,
          addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 })),
        ),
      );
    };
  };
  const serve = async (listener: RequestListener) =>
    `http://127.0.0.1:${await listen(createServer(listener), '127.0.0.1')}/hook`;
  const local = { allow: ['127.0.0.0/8'] };

  it('would reach the listener where it is allowed', async () => {
    const before = reached;
    expect(await failureOf(request(`http://127.0.0.1:${port}/`, local))).toMatchObject({
      kind: 'provider-down',
      ambiguous: true,
    });
    expect(reached).toBe(before + 1);
  });

  it.each(hostileHosts)('connects nowhere for %s', async (host) => {
    const before = reached;
    for (const scheme of ['https', 'http']) {
      const found = await failureOf(request(`${scheme}://${host}:${port}/secret-path-0123456789`));
      expect(found).toMatchObject({ kind: 'bad-destination', ambiguous: false, advice: 'address-blocked' });
      expect(found.providerMessage).not.toContain('secret-path');
    }
    expect(reached).toBe(before);
  });

  it.each([
    ['an address inside', ['10.0.0.1']],
    ['this machine', ['127.0.0.1']],
    ['this machine, IPv6', ['::1']],
    ['a public and a private one', ['93.184.216.34', '127.0.0.1']],
    ['a public A and a private AAAA', ['93.184.216.34', '::1']],
    ['a private A and a public AAAA', ['127.0.0.1', '2606:2800:220:1:248:1893:25c8:1946']],
    ['a mapped one', ['::ffff:127.0.0.1']],
    ['a link-local one with a zone', ['fe80::1%eth0']],
    ['no address', []],
  ])('connects nowhere for a name that leads to %s', async (_, addresses) => {
    const before = reached;
    for (const scheme of ['https', 'http']) {
      const found = await failureOf(request(`${scheme}://hooks.example.com:${port}/`, { resolve: answers(addresses) }));
      expect(found).toMatchObject({ kind: 'bad-destination', providerCode: 'ADDRESS_BLOCKED', ambiguous: false });
    }
    expect(reached).toBe(before);
  });

  it('judges each lookup, however often a name changes its mind', async () => {
    const before = reached;
    const resolve = answers(['93.184.216.34', '127.0.0.1'], ['127.0.0.1'], ['10.0.0.1'], ['::1']);
    for (let i = 0; i < 4; i += 1) {
      expect((await failureOf(request(`https://rebind.example.com:${port}/`, { resolve }))).providerCode).toBe(
        'ADDRESS_BLOCKED',
      );
    }
    expect(reached).toBe(before);
  });

  it('goes to the address that was judged: a name is asked once for a connection', async () => {
    let asked = 0;
    const resolve: ResolveName = (_, __, callback) => {
      asked += 1;
      callback(null, [{ address: asked === 1 ? '127.0.0.1' : '10.0.0.1', family: 4 }]);
    };
    const before = reached;
    await failureOf(request(`http://pinned.test:${port}/`, { ...local, resolve }));
    expect({ asked, reached: reached - before }).toEqual({ asked: 1, reached: 1 });
  });

  it('goes to the allowed one of a name’s addresses alone', async () => {
    const before = reached;
    await failureOf(
      request(`http://localhost:${port}/`, { allow: ['127.0.0.1/32'], resolve: answers(['::1', '127.0.0.1']) }),
    );
    expect(reached).toBe(before + 1);
  });

  it.each(['localhost', 'localhost.', 'a.localhost', 'LOCALHOST'])('connects nowhere for %s', async (host) => {
    const before = reached;
    expect((await failureOf(request(`https://${host}:${port}/`))).kind).toMatch(/bad-destination|provider-down/);
    expect(reached).toBe(before);
  });

  it.each([
    ['user info', 'https://hooks.example.com@127.0.0.1/'],
    ['user info that looks like a host', 'https://127.0.0.1:80\\@example.com@127.0.0.1/'],
    ['a password', 'https://a:b@93.184.216.34/'],
    ['another scheme', 'ftp://127.0.0.1/'],
    ['a file', 'file:///etc/passwd'],
    ['no URL', 'http://[fe80::1%25eth0]/secret'],
    ['no URL at all', 'not a url with secret'],
  ])('refuses %s before anything connects', async (_, url) => {
    const found = await failureOf(request(url));
    expect(found).toMatchObject({ kind: 'bad-destination', ambiguous: false });
    expect(JSON.stringify(found)).not.toContain('secret');
  });

  it.each([
    '8.8.8.8',
    '1.1.1.1',
    '93.184.216.34',
    '172.32.0.1',
    '100.128.0.1',
    '192.0.1.1',
    '198.20.0.1',
    '2606:4700::1111',
    '2400:3200::1',
    '64:ff9b::8.8.8.8',
    '::ffff:8.8.8.8',
  ])('lets public addresses through: %s', (address) => {
    expect(new AddressGuard([]).isReachable(address)).toBe(true);
  });

  it('knows an allowed range in all the ways it is written', () => {
    const guard = new AddressGuard(['10.0.0.0/8', 'fd00::/8']);
    expect(
      ['10.1.2.3', '::ffff:10.1.2.3', 'fd00::1', '64:ff9b::a01:203'].map((address) => guard.isReachable(address)),
    ).toEqual([true, true, true, true]);
    expect(['11.0.0.1', '192.168.0.1', 'fc00::1', 'nonsense', ''].map((address) => guard.isAllowed(address))).toEqual([
      false,
      false,
      false,
      false,
      false,
    ]);
  });

  it('sends a platform’s calls to its other origin, path and query kept, and nowhere else', async () => {
    const seen: string[] = [];
    const origin = new URL(
      await serve((incoming, response) => {
        seen.push(incoming.url!);
        response.end('ok');
      }),
    ).origin;
    for (const path of ['/robot/send?access_token=1', `//127.0.0.1:${port}/x`, '/%2e%2e/x?y#z']) {
      await request(`https://hooks.example.com${path}`, { origins: { webhook: origin } });
    }
    expect(seen).toEqual(['/robot/send?access_token=1', `//127.0.0.1:${port}/x`, '/x?y']);
  });

  it('reads at most 64 KB, and closes what goes on', async () => {
    let closed = 0;
    const url = await serve((incoming, response) => {
      incoming.socket.once('close', () => (closed += 1));
      const more = () => {
        while (response.write('x'.repeat(16_384)));
        response.once('drain', more);
      };
      more();
    });
    const answer = await request(url, local);
    expect(answer).toMatchObject({ status: 200 });
    expect(answer.text).toHaveLength(65_536);
    while (closed === 0) await new Promise((later) => setImmediate(later));
  });

  it('counts the status that came, even where the body breaks off or never ends', async () => {
    const breaking = await serve((incoming, response) => {
      response.writeHead(201, { 'content-length': '100' }).write('part', () => incoming.socket.destroy());
    });
    expect(await request(breaking, local)).toMatchObject({ status: 201, isPartial: true });
    const aborter = new AbortController();
    const endless = await serve((_, response) => {
      response.writeHead(202).write('part', () => setTimeout(() => aborter.abort(), 20));
    });
    expect(await request(endless, { ...local, signal: aborter.signal })).toMatchObject({
      status: 202,
      isPartial: true,
    });
  });

  it('uses a connection again', async () => {
    const sockets = new Set<unknown>();
    const url = await serve((incoming, response) => {
      sockets.add(incoming.socket);
      response.end('ok');
    });
    const clients = makeHttpClients({ ...local, origins: {}, attemptTimeoutMs: 5_000 });
    const io = clients.for('webhook');
    for (let i = 0; i < 10; i += 1) await io.request({ method: 'POST', url, headers: {}, body: 'x' }, never);
    await clients.close();
    // The next call may be there before the first connection is free again.
    expect(sockets.size).toBeLessThanOrEqual(2);
  });

  it('leaves no listener on the signal', async () => {
    const url = await serve((_, response) => response.end('ok'));
    const { signal } = new AbortController();
    let listening = 0;
    const add = signal.addEventListener.bind(signal);
    const remove = signal.removeEventListener.bind(signal);
    signal.addEventListener = ((...given: Parameters<typeof add>) => {
      listening += 1;
      add(...given);
    }) as never;
    signal.removeEventListener = ((...given: Parameters<typeof remove>) => {
      listening -= 1;
      remove(...given);
    }) as never;
    await request(url, { ...local, signal });
    expect(listening).toBe(0);
  });

  it('gives up on a silent endpoint after its time, ambiguous', async () => {
    const url = await serve(() => {});
    const clients = makeHttpClients({ ...local, origins: {}, attemptTimeoutMs: 100 });
    const attempt = clients.for('webhook').request({ method: 'POST', url, headers: {}, body: 'x' }, never);
    expect(await failureOf(attempt)).toMatchObject({ kind: 'timeout', providerCode: 'TIMEOUT', ambiguous: true });
    await clients.close();
  });

  it('is not ambiguous where nothing was written', async () => {
    const closed = createTcpServer();
    const free = await listen(closed, '127.0.0.1');
    await new Promise((done) => closed.close(done));
    expect(await failureOf(request(`http://127.0.0.1:${free}/`, local))).toMatchObject({
      kind: 'provider-down',
      providerCode: 'ECONNREFUSED',
      ambiguous: false,
    });
    const resolve: ResolveName = (_, __, callback) =>
      callback(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' }), []);
    expect(await failureOf(request('https://nowhere.example.com/', { resolve }))).toMatchObject({
      kind: 'provider-down',
      providerCode: 'ENOTFOUND',
      ambiguous: false,
    });
    const stuck: ResolveName = () => {};
    const aborter = new AbortController();
    setImmediate(() => aborter.abort());
    expect(
      await failureOf(request('https://slow.example.com/', { resolve: stuck, signal: aborter.signal })),
    ).toMatchObject({ kind: 'timeout', ambiguous: false });
  });

  it.each([
    ['not HTTP', 'SSH-2.0-OpenSSH\r\n', 'not-http'],
    ['headers without end', `HTTP/1.1 200 OK\r\n${'x-a: b\r\n'.repeat(20_000)}`, 'not-http'],
  ])('knows what is %s', async (_, bytes, advice) => {
    const at = await listen(
      createTcpServer((socket) => {
        socket.on('error', () => {});
        socket.once('data', () => socket.write(bytes));
      }),
      '127.0.0.1',
    );
    expect(await failureOf(request(`http://127.0.0.1:${at}/`, local))).toMatchObject({
      kind: 'provider-down',
      ambiguous: false,
      advice,
    });
  });

  it('knows a port that doesn’t speak TLS', async () => {
    const url = (await serve((_, response) => response.end())).replace('http:', 'https:');
    expect(await failureOf(request(url, local))).toMatchObject({
      kind: 'provider-down',
      ambiguous: false,
      advice: 'not-http',
    });
  });

  it('gives a library a fetch with the same guard, that follows nothing', async () => {
    const url = await serve((incoming, response) => {
      if (incoming.url === '/hook') response.writeHead(302, { location: `http://127.0.0.1:${port}/` });
      response.end('there');
    });
    const clients = makeHttpClients({ ...local, origins: {}, attemptTimeoutMs: 5_000 });
    const { fetch } = clients.for('slack');
    const before = reached;
    const answer = await fetch(url, { method: 'POST', body: 'x', redirect: 'follow' });
    expect({ status: answer.status, text: await answer.text() }).toEqual({ status: 302, text: 'there' });
    await expect(fetch('https://10.0.0.1/')).rejects.toBeInstanceOf(ProviderError);
    await expect(fetch(url, { body: new FormData(), method: 'POST' })).rejects.toThrow('expected a body of text');
    await clients.close();
    expect(reached).toBe(before);
  });
});
