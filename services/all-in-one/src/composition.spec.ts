/** Each service starts alone and answers for its own paths only; together they answer for all, and none leaks into another. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ChannelWorkerModule, channelWorkerConfig } from '@herald/channel-worker';
import { ConsoleModule } from '@herald/console';
import { InboxModule } from '@herald/inbox';
import { IngestModule } from '@herald/ingest';
import { type Service, start } from '@herald/platform';
import { RouterModule } from '@herald/router';
import { sandboxConfig } from '@herald/sandbox';
import { SchedulerModule } from '@herald/scheduler';
import { afterAll, describe, expect, it } from '@jest/globals';
import { AllInOneModule } from './all-in-one.module.js';

const sections = [channelWorkerConfig, sandboxConfig];
const service = (name: string, module: Service['module']): Service => ({ name, module, defaultPort: 0, sections });

/** What nobody who isn't signed in gets of each service: 401 where it has the path, 404 where it hasn't. */
const guarded = { ingest: '/v1/events', inbox: '/v1/messages/mark-read', console: '/v1/recipients' };

describe('composition', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'herald-composition-'));
  afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

  it.each([
    [service('ingest', IngestModule), ['ingest']],
    [service('router', RouterModule), []],
    [service('channel-worker', ChannelWorkerModule), []],
    [service('inbox', InboxModule), ['inbox']],
    [service('console', ConsoleModule), ['console']],
    [service('scheduler', SchedulerModule), []],
    [service('all-in-one', AllInOneModule), ['ingest', 'inbox', 'console']],
  ])(
    '$name starts, and answers for %j',
    async (what, answersFor) => {
      const running = await start(what, {
        HERALD_PORT: '0',
        HERALD_DATA_DIR: dataDir,
        HERALD_SANDBOX: 'false',
        HERALD_DEMO: 'false',
        LOG_LEVEL: 'silent',
      });
      try {
        const ready = await fetch(`${running.url}/readyz`);
        expect({ status: ready.status, body: await ready.json() }).toMatchObject({
          status: 200,
          body: { status: 'ok' },
        });
        const answers = Object.entries(guarded).map(async ([name, path]) => {
          const answer = await fetch(running.url + path, { method: 'POST' });
          expect(answer.headers.get('content-type')).toContain('application/problem+json');
          return [name, answer.status];
        });
        const expected = Object.keys(guarded).map((name) => [name, answersFor.includes(name) ? 401 : 404]);
        expect(await Promise.all(answers)).toEqual(expected);
        const docs = await fetch(`${running.url}/docs`);
        expect(docs.status).toBe(answersFor.includes('console') ? 200 : 404);
      } finally {
        await running.close();
      }
    },
    90_000,
  );
});
