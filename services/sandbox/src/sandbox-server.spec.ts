import { connect } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { type RecordedAnswerName, recordedAnswers } from './recorded-answers.js';
import { SandboxServer } from './sandbox-server.js';

const noon = Date.UTC(2026, 10, 18, 12);
const hook = '/open-apis/bot/v2/hook/known';
const text = { msg_type: 'text', content: { text: 'Disk alert' } };

let sandbox: SandboxServer;
let now: number;

beforeEach(async () => {
  now = noon;
  sandbox = new SandboxServer();
  await sandbox.start({ port: 0, now: () => now });
});
afterEach(() => sandbox.stop());

const post = (path: string, body: unknown, headers: Record<string, string> = {}, more: RequestInit = {}) =>
  fetch(sandbox.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...headers },
    body: typeof body === 'string' ? body : JSON.stringify(body),
    ...more,
  });
// biome-ignore lint/suspicious/noExplicitAny: answers are looked at by matchers, which tell more than a type would
const json = async (answer: Response | Promise<Response>): Promise<any> => (await answer).json();
const received = async (query = '') => (await json(fetch(`${sandbox.url}/received${query}`))).items;
const register = (token: string, more: object = {}) => post('/robots', { platform: 'lark', token, ...more });

describe('platforms by path', () => {
  it('answers as the platform, in the sandbox’s time, and keeps what came', async () => {
    await register('known', { name: 'Operations' });
    const answer = await post(hook, text, { 'x-test': '1' });
    expect(answer.status).toBe(200);
    expect(answer.headers.get('date')).toBe('Wed, 18 Nov 2026 12:00:00 GMT');
    expect(await answer.json()).toEqual(recordedAnswers['lark ok'].body);
    expect(await received()).toEqual([
      {
        id: 1,
        platform: 'lark',
        at: '2026-11-18T12:00:00.000Z',
        path: hook,
        headers: expect.objectContaining({ 'content-type': 'application/json', 'x-test': '1' }),
        body: text,
        answer: { status: 200, body: recordedAnswers['lark ok'].body },
        accepted: true,
        robot: 'Operations',
        fault: null,
      },
    ]);
  });

  it.each([
    ['dingtalk', '/robot/send?access_token=known', { msgtype: 'text', text: { content: 'x' } }, 'dingtalk ok'],
    ['wecom', '/cgi-bin/webhook/send?key=known', { msgtype: 'text', text: { content: 'x' } }, 'wecom ok'],
    ['slack', '/services/T1/B1/known', { text: 'x' }, 'slack ok'],
  ] as const)('finds %s', async (platform, path, body, answer) => {
    await post('/robots', { platform, token: platform === 'slack' ? 'T1/B1/known' : 'known' });
    const got = await (await post(path, body)).text();
    const wanted = recordedAnswers[answer].body;
    expect(got).toBe(typeof wanted === 'string' ? wanted : JSON.stringify(wanted));
    expect((await received())[0]).toMatchObject({ platform, path, accepted: true });
  });

  it('finds chat.postMessage by the bot’s token', async () => {
    await post('/robots', { platform: 'slack', token: 'xoxb-1', channels: ['C0123456789'] });
    const answer = await post(
      '/api/chat.postMessage',
      { channel: 'C0123456789', text: 'x' },
      { authorization: 'Bearer xoxb-1' },
    );
    expect(await answer.json()).toMatchObject({ ok: true, channel: 'C0123456789' });
  });

  it('knows no other path', async () => {
    expect((await post('/open-apis/bot/hook/known', text)).status).toBe(404);
    expect(await received()).toEqual([]);
  });

  it('is strict about robots, unless it is open', async () => {
    expect(await json(post(hook, text))).toEqual(recordedAnswers['lark token'].body);
    await post('/settings', { open: true }, {}, { method: 'PUT' });
    expect(await json(post(hook, text))).toEqual(recordedAnswers['lark ok'].body);
  });

  it('moves its clock and drops its limits on command', async () => {
    await register('known');
    const burst = async () => {
      const answers = [];
      for (let i = 0; i < 8; i += 1) answers.push((await json(post(hook, text))).code);
      return answers.filter((code) => code === 11232).length;
    };
    expect(await burst()).toBe(3);
    await post('/settings', { rateLimits: false, clockOffsetMs: 3_600_000 }, {}, { method: 'PUT' });
    expect(await burst()).toBe(0);
    expect((await post(hook, text)).headers.get('date')).toBe('Wed, 18 Nov 2026 13:00:00 GMT');
  });

  it('takes any content type, however malformed', async () => {
    await register('known');
    expect(await (await post(hook, text, { 'content-type': ';;nonsense' })).json()).toMatchObject({ code: 9499 });
  });
});

describe('faults', () => {
  beforeEach(async () => {
    await register('known');
  });
  const fault = (body: object) => post('/faults', { platform: 'lark', ...body });

  it('shows a status, so many times', async () => {
    await fault({ kind: 'status', status: 429, headers: { 'Retry-After': '4' }, times: 2 });
    const answers = [await post(hook, text), await post(hook, text), await post(hook, text)];
    expect(answers.map(({ status }) => status)).toEqual([429, 429, 200]);
    expect(answers[0]?.headers.get('retry-after')).toBe('4');
    expect((await received()).map((item: { accepted: boolean }) => item.accepted)).toEqual([false, false, true]);
  });

  it('shows a status until it is deleted', async () => {
    const { id } = await json(fault({ kind: 'status' }));
    expect([(await post(hook, text)).status, (await post(hook, text)).status]).toEqual([500, 500]);
    expect((await fetch(`${sandbox.url}/faults/${id}`, { method: 'DELETE' })).status).toBe(204);
    expect((await post(hook, text)).status).toBe(200);
  });

  it.each(Object.keys(recordedAnswers) as RecordedAnswerName[])('gives the recorded answer "%s"', async (recorded) => {
    const wanted: { status: number; headers?: Readonly<Record<string, string>>; body: unknown } =
      recordedAnswers[recorded];
    await fault({ kind: 'answer', recorded });
    const answer = await post(hook, text);
    expect(answer.status).toBe(wanted.status);
    expect(Object.fromEntries(answer.headers)).toMatchObject(wanted.headers ?? {});
    const got = await answer.text();
    expect(typeof wanted.body === 'string' ? got : JSON.parse(got)).toEqual(wanted.body);
  });

  it.each([
    ['html', 502, '<html>'],
    ['empty', 200, ''],
    ['huge', 200, 'x'.repeat(10_485_760)],
    ['bomb', 200, ' '.repeat(10_485_760)],
  ])('answers with %s', async (kind, status, body) => {
    await fault({ kind });
    const answer = await post(hook, text);
    expect(answer.status).toBe(status);
    expect((await answer.text()).startsWith(body)).toBe(true);
  });

  it.each([
    ['reset', 'ECONNRESET'],
    ['close', 'UND_ERR_SOCKET'],
  ])('breaks the connection: %s', async (kind, code) => {
    await fault({ kind });
    await expect(post(hook, text)).rejects.toMatchObject({ cause: { code } });
    expect((await received())[0]).toMatchObject({ answer: null, accepted: false, fault: kind });
  });

  it('loses the answer to a message that it took', async () => {
    await fault({ kind: 'reset', accepted: true });
    await expect(post(hook, text)).rejects.toThrow();
    expect((await received())[0]).toMatchObject({ answer: null, accepted: true });
  });

  it('holds the call without an answer, and ends with it open', async () => {
    await fault({ kind: 'hang', times: 1 });
    const held = post(hook, text).then(
      () => 'answered',
      () => 'broken',
    );
    await (await post(hook, text)).text();
    expect((await received())[0]).toMatchObject({ answer: null, fault: 'hang' });
    await sandbox.stop();
    expect(await held).toBe('broken');
  });

  it('answers late', async () => {
    await fault({ kind: 'slow', delayMs: 60 });
    const before = performance.now();
    expect(await json(post(hook, text))).toMatchObject({ code: 0 });
    expect(performance.now() - before).toBeGreaterThanOrEqual(55);
  });

  it('meets only its platform, path and robot', async () => {
    await fault({ kind: 'status', path: `${hook}x` });
    await fault({ kind: 'status', token: 'other' });
    await post('/faults', { platform: 'wecom', kind: 'status' });
    expect((await post(hook, text)).status).toBe(200);
    await post('/faults', { kind: 'status', path: hook });
    expect((await post(hook, text)).status).toBe(500);
  });
});

describe('admin calls', () => {
  it('makes a token where none is given, and shows no secret', async () => {
    const robot = await json(post('/robots', { platform: 'dingtalk', secret: 'SECplanted' }));
    expect(robot).toMatchObject({ platform: 'dingtalk', token: expect.stringMatching(/^[0-9a-f]{64}$/), signed: true });
    expect(robot.url).toBe(`https://oapi.dingtalk.com/robot/send?access_token=${robot.token}`);
    expect(await (await fetch(`${sandbox.url}/robots`)).text()).not.toContain('planted');
  });

  it('tells where a custom webhook is', async () => {
    const robot = await json(post('/robots', { platform: 'webhook', token: 'orders' }));
    expect(robot.url).toBe(`${sandbox.url}/webhook/orders`);
  });

  it.each([
    ['/robots', { platform: 'teams' }, 422],
    ['/robots', { platform: 'lark', surprise: 1 }, 422],
    ['/robots', '{', 422],
    ['/faults', { kind: 'explode' }, 422],
    ['/faults', { platform: 'mail', kind: 'smtp', code: 200 }, 422],
    ['/faults', { platform: 'mail', kind: 'smtp', text: 'a\r\nb' }, 422],
  ])('refuses %s %j', async (path, body, status) => {
    const answer = await post(path, body);
    expect(answer.status).toBe(status);
    expect(await answer.json()).toMatchObject({ status, errors: [expect.anything()] });
  });

  it('takes only JSON, which a foreign page can’t send', async () => {
    expect((await post('/faults', '{"kind":"status"}', { 'content-type': 'text/plain' })).status).toBe(415);
  });

  it('filters what came', async () => {
    await post('/webhook/a', { n: 1 });
    now += 1_000;
    await post('/webhook/b', { n: 2 });
    await post(hook, text);
    const ids = async (query: string) => (await received(query)).map(({ id }: { id: number }) => id);
    expect(await ids('?platform=webhook')).toEqual([1, 2]);
    expect(await ids('?since=1')).toEqual([2, 3]);
    expect(await ids('?since=2026-11-18T12:00:00Z')).toEqual([2, 3]);
    expect(await ids('?path=/webhook/b')).toEqual([2]);
    expect(await ids('?accepted=false')).toEqual([3]);
    expect(await ids('?limit=1')).toEqual([3]);
    expect((await fetch(`${sandbox.url}/received?surprise=1`)).status).toBe(422);
  });

  it('forgets what came on command', async () => {
    await post('/webhook/a', {});
    expect((await fetch(`${sandbox.url}/received`, { method: 'DELETE' })).status).toBe(204);
    expect(await received()).toEqual([]);
    await post('/webhook/a', {});
    expect((await received())[0].id).toBe(2);
  });

  it('streams what comes, from where the reader was', async () => {
    await post('/webhook/a', { n: 1 });
    await post('/webhook/a', { n: 2 });
    const socket = connect(Number(new URL(sandbox.url).port), '127.0.0.1').setEncoding('utf8');
    let read = '';
    const until = (part: string) =>
      new Promise<void>((resolve) => {
        const look = () => {
          if (!read.includes(part)) return;
          socket.off('data', look);
          resolve();
        };
        socket.on('data', look);
        look();
      });
    socket.on('data', (chunk) => {
      read += chunk;
    });
    socket.write('GET /received/stream HTTP/1.1\r\nhost: sandbox\r\nlast-event-id: 1\r\n\r\n');
    await until('"n":2');
    expect(read).not.toContain('"n":1');
    await post('/webhook/a', { n: 3 });
    await until('id: 3\nevent: received\n');
    await fetch(`${sandbox.url}/received`, { method: 'DELETE' });
    await until('event: cleared');
    socket.destroy();
  });

  it('is alive and ready', async () => {
    expect((await fetch(`${sandbox.url}/livez`)).status).toBe(200);
    expect((await fetch(`${sandbox.url}/readyz`)).status).toBe(200);
  });
});
