/** What a newcomer meets: `npm start` without any setting, what it prints, and what it says where it can't start. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { call, Sandbox, until } from './client.js';
import { freePorts } from './ground.js';

const main = resolve(import.meta.dirname, '../dist/main.js');
const WITHIN_MS = 240_000;

interface Started {
  readonly child: ChildProcess;
  readonly exit: Promise<number | null>;
  output(): string;
}

function startMain(environment: Record<string, string>): Started {
  const own = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(HERALD|LOG)_/.test(name)));
  const child = spawn(process.execPath, ['--disable-warning=TimeoutNegativeWarning', main], {
    env: { ...own, NODE_OPTIONS: '', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  let text = '';
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
  }
  return { child, exit: new Promise((done) => child.once('exit', done)), output: () => text };
}

/** As a person would paste it. */
function pasted(output: string) {
  const [, url = '', key = '', body = ''] =
    /curl -X POST (\S+)[\s\S]*?Bearer (hrld_\w+)'[\s\S]*?-d '([^']*)'/.exec(output) ?? [];
  return { url, key, body };
}

describe('npm start', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'herald-start-'));
  let settings: Record<string, string>;
  let first: Started;

  beforeAll(async () => {
    const port = await freePorts(3);
    settings = { HERALD_PORT: String(port), HERALD_SANDBOX_PORT: String(port + 1), HERALD_DATA_DIR: dataDir };
    first = startMain(settings);
    await until('the welcome', async () => first.output().includes('Herald is ready'), WITHIN_MS);
  }, WITHIN_MS + 10_000);
  afterAll(async () => {
    first.child.kill('SIGKILL');
    await first.exit;
    rmSync(dataDir, { recursive: true, force: true });
  });

  it('prints a command whose event then shows in five chats, the mailbox and the inbox', async () => {
    const { url, key, body } = pasted(first.output());
    const posted = await call(url, { token: key, raw: body });
    expect(posted.status).toBe(202);
    const sandbox = new Sandbox(`http://127.0.0.1:${settings['HERALD_SANDBOX_PORT']}`);
    const { title } = JSON.parse(body);
    await until(
      'all six received',
      async () => {
        const items = (await sandbox.received()).filter(
          (item) => item.accepted && JSON.stringify(item.body).includes(title),
        );
        return new Set(items.map(({ platform }) => platform)).size === 6;
      },
      60_000,
    );
    const [, token = ''] = /Operator\s+(\S+)/.exec(first.output()) ?? [];
    const messages = await call(`http://127.0.0.1:${settings['HERALD_PORT']}/v1/messages`, { token, account: 'demo' });
    expect(messages.body.items).toMatchObject([{ title, subtype: 'sec_account_security' }]);
  }, 90_000);

  it(
    'refuses a second process on the same folder, in words',
    async () => {
      const second = startMain(settings);
      expect(await second.exit).toBe(1);
      expect(second.output()).toMatch(/^The data folder .* is in use by process \d+\. .*HERALD_DATA_DIR/m);
      expect(second.output()).not.toMatch(/ at .*\.js/);
    },
    WITHIN_MS,
  );

  it(
    'names the variable where a port is in use',
    async () => {
      const other = mkdtempSync(join(tmpdir(), 'herald-start-'));
      const taken = startMain({ ...settings, HERALD_DATA_DIR: other });
      expect(await taken.exit).toBe(1);
      expect(taken.output()).toMatch(/^Port \d+ of 127\.0\.0\.1 is in use\. .*HERALD_SANDBOX_PORT/m);
      rmSync(other, { recursive: true, force: true });
    },
    WITHIN_MS,
  );

  it(
    'tells every bad value at once, before anything is opened',
    async () => {
      const bad = startMain({ ...settings, HERALD_PORT: 'x', HERALD_ATTEMPT_TIMEOUT: 'soon', LOG_LEVEL: 'loud' });
      expect(await bad.exit).toBe(1);
      for (const name of ['HERALD_PORT', 'HERALD_ATTEMPT_TIMEOUT', 'LOG_LEVEL'])
        expect(bad.output()).toContain(`${name}: expected`);
    },
    WITHIN_MS,
  );

  it(
    'prints the same key at the next start, and the operator’s token no more',
    async () => {
      first.child.kill('SIGKILL');
      await first.exit;
      const before = first.output();
      const [, token = ''] = /Operator\s+(\S+)/.exec(before) ?? [];
      first = startMain(settings);
      await until('the welcome', async () => first.output().includes('Herald is ready'), WITHIN_MS);
      expect(pasted(first.output())).toEqual(pasted(before));
      expect(first.output()).not.toContain(token);
    },
    WITHIN_MS + 10_000,
  );
});
