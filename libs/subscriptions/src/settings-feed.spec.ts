/** A change of settings reaches every process, whoever commits when (semantics 37). */
import type { AccountId } from '@herald/contracts';
import type { Database, Sql } from '@herald/platform';
import { InProcessSignals } from '@herald/platform';
import { anId, embedded, type Ground, servers, silent, until } from '@herald/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { AccountStore } from './account.store.js';
import { type Change, recordChange, SettingsFeed } from './settings-feed.js';
import { SettingsSnapshot } from './snapshot.js';

describe.each([embedded, ...servers])('the feed of settings, on $name', ({ open }) => {
  let ground: Ground;

  beforeAll(async () => {
    ground = await open();
  });

  afterAll(async () => {
    await ground?.close();
  });

  /** As another process has it: nothing in common but the database. */
  async function aFeed(database: Database = ground.another()) {
    const feed = new SettingsFeed(database, new InProcessSignals(), silent);
    const heard: Change[] = [];
    let resets = 0;
    feed.onChange((changes) => heard.push(...changes));
    feed.onReset(() => {
      resets += 1;
    });
    await feed.read();
    return { feed, heard, resets: () => resets };
  }

  const change = (key: string) =>
    ground.database.transaction((tx) => recordChange(tx, 'subscription', 'acct-1', [key]));

  it('37: tells each change once, however often it is read', async () => {
    const { feed, heard } = await aFeed();
    await change('one');
    await feed.read();
    await feed.read();
    await change('two');
    await feed.read();
    expect(heard.map(({ kind, accountId, key }) => [kind, accountId, key])).toEqual([
      ['subscription', 'acct-1', 'one'],
      ['subscription', 'acct-1', 'two'],
    ]);
  });

  it('37: begins with nothing, and forgets everything once', async () => {
    await change('before');
    const { feed, heard, resets } = await aFeed();
    await feed.read();
    expect(heard).toEqual([]);
    expect(resets()).toBe(1);
  });

  it('37: is stale before its first read, and not after', async () => {
    const feed = new SettingsFeed(ground.database, new InProcessSignals(), silent);
    expect(feed.isStale).toBe(true);
    await feed.read();
    expect(feed.isStale).toBe(false);
  });

  it('37: a read that is asked for while one runs sees what was committed since', async () => {
    const { feed, heard } = await aFeed();
    const running = feed.read();
    await change('meanwhile');
    await feed.read();
    await running;
    expect(heard.map(({ key }) => key)).toContain('meanwhile');
  });

  it('37: a change made in one process is in force in another within 2 s', async () => {
    const reader = ground.another();
    const feed = new SettingsFeed(reader, new InProcessSignals(), silent);
    const snapshot = new SettingsSnapshot(reader, feed);
    await feed.start();
    try {
      const accounts = new AccountStore(
        ground.database,
        new SettingsFeed(ground.database, new InProcessSignals(), silent),
      );
      const id = anId('acct') as AccountId;
      const owner = { email: `${id}@example.com`, name: 'Olive', passwordHash: null };
      await accounts.create({ id, name: 'Before', locale: 'en-US', timeZone: 'UTC', labels: {}, owner }, 'test');
      expect((await snapshot.accounts([id])).get(id)?.name).toBe('Before');
      await accounts.update(id, { name: 'After' }, 'test');
      const changedAt = performance.now();
      await until(async () => (await snapshot.accounts([id])).get(id)?.name === 'After', 'the change in force');
      // Half a second for a busy machine.
      expect(performance.now() - changedAt).toBeLessThan(2_500);
    } finally {
      feed.stop();
    }
  });

  it('37: a signal wakes it at once', async () => {
    const signals = new InProcessSignals();
    const feed = new SettingsFeed(ground.another(), signals, silent);
    const heard: Change[] = [];
    feed.onChange((changes) => heard.push(...changes));
    await feed.start();
    await change('woken');
    signals.send('settings', '');
    await until(() => heard.some(({ key }) => key === 'woken'), 'the change');
    feed.stop();
  });

  it('runs as long as one service of the process needs it', async () => {
    const feed = new SettingsFeed(ground.another(), new InProcessSignals(), silent);
    const heard: Change[] = [];
    feed.onChange((changes) => heard.push(...changes));
    await Promise.all([feed.start(), feed.start()]);
    feed.stop();
    await change('still running');
    await until(() => heard.some(({ key }) => key === 'still running'), 'the change');
    feed.stop();
  });
});

describe.each(servers)('the feed of settings, where several write at once, on $name', ({ open }) => {
  let ground: Ground;

  beforeAll(async () => {
    ground = await open();
  });

  afterAll(async () => {
    await ground?.close();
  });

  it('37: a transaction that commits late is not missed', async () => {
    const feed = new SettingsFeed(ground.another(), new InProcessSignals(), silent);
    const heard: string[] = [];
    feed.onChange((changes) => heard.push(...changes.map(({ key }) => key)));
    await feed.read();
    let commit: (() => void) | undefined;
    const held = new Promise<void>((resolve) => (commit = resolve));
    let isWritten: ((tx: Sql) => void) | undefined;
    const written = new Promise<Sql>((resolve) => (isWritten = resolve));
    const late = ground.another().transaction(async (tx) => {
      await recordChange(tx, 'account', 'acct-1', ['late']);
      isWritten?.(tx);
      await held;
    });
    await written;
    for (const key of ['early', 'earlier']) {
      await ground.database.transaction((tx) => recordChange(tx, 'account', 'acct-1', [key]));
      await feed.read();
    }
    expect(heard).toEqual(['early', 'earlier']);
    commit?.();
    await late;
    await feed.read();
    await feed.read();
    expect(heard).toEqual(['early', 'earlier', 'late']);
  });
});
