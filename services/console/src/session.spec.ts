import { InProcessCache } from '@herald/platform';
import { anId, embedded } from '@herald/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Caller, ConsoleGround, nobody, operator } from '../test/console-ground.js';
import { clientAddress } from './client-address.js';
import { isPassword } from './passwords.js';
import { networkOf, SignInThrottle } from './sign-in-throttle.js';

const password = 'correct horse battery staple';

describe('signing in', () => {
  let ground: ConsoleGround;
  beforeAll(async () => {
    ground = await ConsoleGround.open(embedded.open, {
      environment: { HERALD_TRUSTED_PROXIES: '127.0.0.0/8', HERALD_PUBLIC_URL: 'https://herald.example.com' },
    });
  }, 120_000);
  afterAll(() => ground?.close());

  /** Callers of one test come from a network of their own. */
  let network = 0;
  const from = () => ({ 'x-forwarded-for': `198.51.100.${++network}` });
  const signIn = (email: string, given: string, headers: Record<string, string> = from()) =>
    ground.call('/v1/session', { as: nobody, body: { email, password: given }, headers });
  async function anOwner(): Promise<{ email: string; accountId: string }> {
    const email = `${anId('owner')}@Example.com`;
    const account = await ground.account({ owner: { email, name: 'Olive', password } });
    return { email, accountId: account.id };
  }
  const cookieOf = (headers: Headers): Caller => ({
    headers: { cookie: headers.get('set-cookie')!.split(';')[0]!, 'x-herald-csrf': '1' },
  });

  it('gives a cookie that scripts can’t read and that only travels encrypted, and says who it is', async () => {
    const { email, accountId } = await anOwner();
    const answer = await signIn(email.toUpperCase(), password);
    expect(answer).toMatchObject({ status: 200, body: { user: { email: email.toLowerCase(), name: 'Olive' } } });
    expect(answer.headers.get('set-cookie')).toMatch(
      /^herald_session=[\w-]{43}; Max-Age=1209600; Path=\/; HttpOnly; SameSite=Lax; Secure$/,
    );
    expect(await ground.ok('/v1/session', { as: cookieOf(answer.headers) })).toEqual({
      user: { id: answer.body.user.id, email: email.toLowerCase(), name: 'Olive', locale: null, operator: false },
      account: { id: accountId, name: expect.any(String) },
      accounts: [{ id: accountId, name: expect.any(String) }],
      policies: ['owner'],
    });
  });

  it('knows the bootstrap operator, with the account of its header or none', async () => {
    const { accountId } = await anOwner();
    expect(await ground.ok('/v1/session', { as: operator })).toEqual({
      user: { id: 'bootstrap', email: '', name: 'Bootstrap operator', locale: null, operator: true },
      account: null,
      accounts: [],
      policies: [],
    });
    expect((await ground.ok('/v1/session', { as: operator, account: accountId })).account).toMatchObject({
      id: accountId,
    });
  });

  it('ends at signing out, for the token and not only for the browser', async () => {
    const { email } = await anOwner();
    const as = cookieOf((await signIn(email, password)).headers);
    const out = await ground.call('/v1/session', { method: 'DELETE', as });
    expect(out.status).toBe(204);
    expect(out.headers.get('set-cookie')).toMatch(/^herald_session=; Max-Age=0; /);
    expect((await ground.call('/v1/session', { as })).status).toBe(401);
  });

  it('ends when it has run out', async () => {
    const { email } = await anOwner();
    const as = cookieOf((await signIn(email, password)).headers);
    await ground.database.query(`update settings.session set expires_at = now() - interval '1 second'`);
    expect((await ground.call('/v1/session', { as })).status).toBe(401);
  });

  it('answers a wrong password, an unknown address and a person without a password alike', async () => {
    const { email } = await anOwner();
    const without = await ground.account();
    const answers = await Promise.all([
      signIn(email, 'wrong'),
      signIn(`${anId('unknown')}@example.com`, password),
      signIn(without.ownerEmail, ''),
    ]);
    for (const { status, body } of answers) expect([status, body]).toEqual([401, answers[0]!.body]);
  });

  it('takes JSON alone: a form of another site can’t sign its reader in', async () => {
    const { email } = await anOwner();
    const answer = await ground.call('/v1/session', {
      as: nobody,
      raw: new URLSearchParams({ email, password }).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...from() },
    });
    expect(answer.status).toBe(415);
  });

  it('refuses the eleventh try at an address, right or wrong, and says when to try again', async () => {
    const { email } = await anOwner();
    for (let tries = 0; tries < 10; tries += 1) expect((await signIn(email, 'wrong')).status).toBe(401);
    const refused = await signIn(email, password);
    expect(refused.status).toBe(429);
    const seconds = Number(refused.headers.get('retry-after'));
    expect(seconds).toBeGreaterThan(800);
    expect(seconds).toBeLessThanOrEqual(900);
    expect((await signIn((await anOwner()).email, password)).status).toBe(200);
  }, 60_000);

  it('does not count what an outage prevented', async () => {
    const { email } = await anOwner();
    await ground.database.query('alter table settings.person rename to person_away');
    for (let tries = 0; tries < 11; tries += 1) expect((await signIn(email, password)).status).toBe(503);
    await ground.database.query('alter table settings.person_away rename to person');
    expect((await signIn(email, password)).status).toBe(200);
  }, 60_000);

  it('does not count what succeeded', async () => {
    const { email } = await anOwner();
    for (let tries = 0; tries < 12; tries += 1) expect((await signIn(email, password)).status).toBe(200);
  }, 60_000);

  it('keeps passwords as argon2id, and tokens as their hash', async () => {
    const { email } = await anOwner();
    const { headers } = await signIn(email, password);
    const { rows } = await ground.database.query<{ hash: string }>(
      'select password_hash as hash from settings.person where email = $1',
      [email.toLowerCase()],
    );
    expect(rows[0]!.hash).toMatch(/^\$argon2id\$v=19\$m=19456,t=2,p=1\$/);
    const token = /herald_session=([\w-]+)/.exec(headers.get('set-cookie')!)![1]!;
    const { rows: sessions } = await ground.database.query('select * from settings.session');
    expect(JSON.stringify(sessions)).not.toContain(token);
  });
});

describe('isPassword', () => {
  it('says no to everything where there is none, having done the work', async () => {
    expect(await isPassword(null, 'nobody has this one')).toBe(false);
  });
});

describe('SignInThrottle', () => {
  const WINDOW = 15 * 60_000;
  let nowMs = 0;
  const make = () => new SignInThrottle(new InProcessCache(), () => nowMs);

  it('lets ten of many at a time through', async () => {
    const throttle = make();
    const waits = await Promise.all(Array.from({ length: 50 }, (_, index) => throttle.begin('a@x', `10.0.0.${index}`)));
    expect(waits.filter((waitMs) => waitMs === 0)).toHaveLength(10);
  });

  it('counts 100 per network, over all addresses', async () => {
    const throttle = make();
    for (let index = 0; index < 100; index += 1) expect(await throttle.begin(`${index}@x`, '192.0.2.1')).toBe(0);
    expect(await throttle.begin('another@x', '192.0.2.1')).toBeGreaterThan(0);
    expect(await throttle.begin('another@x', '192.0.2.2')).toBe(0);
  });

  it('forgets after 15 minutes, counted from the first failure', async () => {
    const throttle = make();
    nowMs = 1_000;
    for (let tries = 0; tries < 10; tries += 1) await throttle.begin('a@x', '192.0.2.1');
    nowMs += WINDOW - 1;
    expect(await throttle.begin('a@x', '192.0.2.1')).toBe(1);
    nowMs += 1;
    expect(await throttle.begin('a@x', '192.0.2.1')).toBe(0);
  });

  it('forgives what was right', async () => {
    const throttle = make();
    for (let tries = 0; tries < 30; tries += 1) {
      expect(await throttle.begin('a@x', '192.0.2.1')).toBe(0);
      await throttle.forgive('a@x', '192.0.2.1');
    }
  });

  it.each([
    ['192.0.2.7', '192.0.2.7'],
    ['2001:db8:1:2:3:4:5:6', '2001:db8:1:2'],
    ['2001:db8:1:2::', '2001:db8:1:2'],
    ['2001:0DB8::1', '2001:db8:0:0'],
    ['fe80::1%eth0', 'fe80:0:0:0'],
  ])('takes %s for the network %s', (ip, network) => {
    expect(networkOf(ip)).toBe(network);
  });
});

describe('clientAddress', () => {
  const of = clientAddress(['10.0.0.0/8', '::1/128']);

  it.each([
    ['203.0.113.9', undefined, '203.0.113.9', 'nobody stands between'],
    ['203.0.113.9', '198.51.100.1', '203.0.113.9', 'a stranger is not believed'],
    ['10.0.0.1', '198.51.100.1', '198.51.100.1', 'a gateway names its caller'],
    ['::ffff:10.0.0.1', '198.51.100.1', '198.51.100.1', 'a gateway in an IPv6 socket'],
    ['10.0.0.1', '1.2.3.4, 198.51.100.1, 10.0.0.2', '198.51.100.1', 'the last that no gateway is'],
    ['10.0.0.1', undefined, '10.0.0.1', 'a gateway that says nothing'],
    ['::1', 'nonsense', '::1', 'what is no address'],
  ])('%s with %s is %s: %s', (connected, forwardedFor, expected, _why) => {
    expect(of(connected, forwardedFor)).toBe(expected);
  });
});
