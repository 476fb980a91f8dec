import { describeDatabase, describeWithServers, servers, TcpProxy, until } from '@herald/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { isNotNow } from './faults.js';
import { PgDatabase } from './pg-database.js';

for (const ground of servers) describeDatabase(ground);

describeWithServers('PostgreSQL that goes away', ({ databaseUrl }) => {
  let proxy: TcpProxy;
  let database: PgDatabase;
  const lost: Error[] = [];
  beforeAll(async () => {
    const url = new URL(databaseUrl);
    proxy = await TcpProxy.before(url.host);
    url.host = proxy.address;
    database = new PgDatabase({
      url: url.href,
      connections: 3,
      isEmbedded: false,
      applicationName: 'test',
      onError: (error) => lost.push(error),
    });
  });
  afterAll(async () => {
    proxy.mend();
    await database.close();
    await proxy.close();
  });

  const failure = (work: Promise<unknown>): Promise<Error> =>
    work.then(
      () => new Error('it worked'),
      (error) => error,
    );

  it('28: is "not now" for all who ask, and works again when it is back', async () => {
    await Promise.all([database.query('select 1'), database.query('select 1'), database.query('select 1')]);
    const sleeping = failure(database.query('select pg_sleep(10)'));
    const inTransaction = failure(
      database.transaction(async (tx) => {
        await tx.query('select 1');
        proxy.cut();
        await tx.query('select 2');
      }),
    );
    expect(isNotNow(await sleeping)).toBe(true);
    expect(isNotNow(await inTransaction)).toBe(true);
    await until(() => lost.length > 0, 'an idle connection to be told as lost');
    expect(isNotNow(await failure(database.query('select 1')))).toBe(true);
    expect(isNotNow(await failure(database.transaction((tx) => tx.query('select 1'))))).toBe(true);
    await expect(database.check()).rejects.toThrow();
    proxy.mend();
    expect((await database.query('select 1 as one')).rows).toEqual([{ one: 1 }]);
    await database.check();
  });

  it('28: a check ends within 2 s where nothing answers', async () => {
    await database.query('select 1');
    proxy.silence();
    const since = performance.now();
    const error = await failure(database.check());
    expect(isNotNow(error)).toBe(true);
    expect(performance.now() - since).toBeLessThan(2_500);
    proxy.mend();
    await until(
      () =>
        database.check().then(
          () => true,
          () => false,
        ),
      'the database to be back',
    );
  });
});
