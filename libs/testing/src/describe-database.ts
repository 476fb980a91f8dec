/** What stores may rely on (libs/platform/src/postgres/database.ts), on PostgreSQL and on the embedded database. */
import { randomBytes } from 'node:crypto';
import { isDataFault, isMissingPartition, isNotNow, makeBatchWriter, migrate } from '@herald/platform';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import type { Ground, NamedGround } from './database-ground.js';

export function describeDatabase({ name, open }: NamedGround): void {
  describe(`Database on ${name}`, () => {
    let ground: Ground;
    beforeAll(async () => {
      ground = await open();
      await ground.database.query('create table public.note (id int primary key, text text not null, more jsonb)');
      await ground.database.query('create table public.dated (id int, day date not null) partition by range (day)');
    }, 120_000);
    beforeEach(() => ground.database.query('truncate public.note'));
    afterAll(() => ground?.close());

    const ids = async () => {
      const { rows } = await ground.database.query<{ id: number }>('select id from public.note order by id');
      return rows.map(({ id }) => id);
    };
    const failure = (work: Promise<unknown>): Promise<Error & { code?: string }> =>
      work.then(
        () => {
          throw new Error('it was expected to fail');
        },
        (error) => error,
      );

    it('answers rows, their number, and numbers as numbers', async () => {
      const { database } = ground;
      expect(await database.query('select $1::bigint as big, $2::numeric as exact', [7_000_000_000, '1.5'])).toEqual({
        rows: [{ big: 7_000_000_000, exact: 1.5 }],
        rowCount: 1,
      });
      expect((await database.query(`update public.note set text = 'x' where id = 1`)).rowCount).toBe(0);
    });

    it('keeps all of a transaction, or none of it', async () => {
      const { database } = ground;
      const kept = await database.transaction(async (tx) => {
        await tx.query('insert into public.note (id, text) values (1, $1)', ['a']);
        await tx.query('insert into public.note (id, text) values (2, $1)', ['b']);
        return 'done';
      });
      expect(kept).toBe('done');
      await expect(
        database.transaction(async (tx) => {
          await tx.query('insert into public.note (id, text) values (3, $1)', ['c']);
          throw new RangeError('changed my mind');
        }),
      ).rejects.toThrow(RangeError);
      const refused = await failure(
        database.transaction(async (tx) => {
          await tx.query('insert into public.note (id, text) values (4, $1)', ['d']);
          await tx.query('insert into public.note (id, text) values (1, $1)', ['again']);
        }),
      );
      expect(refused.code).toBe('23505');
      expect(await ids()).toEqual([1, 2]);
    });

    it('gives every caller its own rows: parametrised, named and large statements beside transactions', async () => {
      const { database } = ground;
      const large = randomBytes(100_000).toString('hex');
      const works = Array.from({ length: 240 }, async (_, index) => {
        if (index % 6 === 0) {
          await database
            .transaction(async (tx) => {
              await tx.query('insert into public.note (id, text) values ($1, $2)', [index, `note ${index}`]);
              const { rows } = await tx.query<{ text: string }>('select text from public.note where id = $1', [index]);
              expect(rows).toEqual([{ text: `note ${index}` }]);
              if (index % 12 === 0) throw new RangeError('rolled back');
            })
            .catch((error) => expect(error).toBeInstanceOf(RangeError));
        } else if (index % 6 === 1) {
          const { rows } = await database.query<{ text: string }>('select $1::text as text', [`${index}${large}`]);
          expect(rows[0]!.text === `${index}${large}`).toBe(true);
        } else if (index % 6 === 2) {
          const named = { name: 'add-two', text: 'select $1::int + $2::int as sum' };
          expect((await database.query(named, [index, 2])).rows).toEqual([{ sum: index + 2 }]);
        } else if (index % 6 === 3) {
          const { rows } = await database.query('select n from generate_series(1, $1::int) n', [index]);
          expect(rows).toHaveLength(index);
        } else if (index % 6 === 4) {
          expect((await failure(database.query('select 1 / ($1::int - $1::int)', [index]))).code).toBe('22012');
        } else {
          const more = { index, text: 'é寿🍣"\\' };
          const { rows } = await database.query<{ more: unknown }>('select $1::jsonb as more', [JSON.stringify(more)]);
          expect(rows).toEqual([{ more }]);
        }
      });
      await Promise.all(works);
      expect(await ids()).toEqual(Array.from({ length: 20 }, (_, index) => index * 12 + 6));
    });

    it('leaves no transaction open behind one that failed', async () => {
      const { database } = ground;
      for (let round = 0; round < 10; round += 1) {
        await failure(database.transaction((tx) => tx.query('select no_such_column')));
        const { rows } = await database.query<{ xact: string }>(
          `select case when now() = statement_timestamp() then 'none' else 'open' end as xact`,
        );
        expect(rows[0]!.xact).toBe('none');
      }
    });

    it('28, 29: tells whose fault a refused statement is', async () => {
      const { database } = ground;
      await database.query(`insert into public.note (id, text) values (1, 'a')`);
      const kindOf = async (text: string, values: unknown[] = []) => {
        const error = await failure(database.query(text, values));
        return {
          code: error.code,
          data: isDataFault(error),
          notNow: isNotNow(error),
          partition: isMissingPartition(error),
        };
      };
      const data = (code: string) => ({ code, data: true, notNow: false, partition: false });
      const notNow = (code: string) => ({ code, data: false, notNow: true, partition: false });
      expect(await kindOf(`insert into public.note (id, text) values (1, 'b')`)).toEqual(data('23505'));
      expect(await kindOf('insert into public.note (id) values (2)')).toEqual(data('23502'));
      expect(await kindOf('select $1::jsonb', ['"\\u0000"'])).toEqual(data('22P05'));
      expect(await kindOf('select $1::text', ['\u0000'])).toEqual(data('22021'));
      expect(await kindOf('select $1::int', ['seven'])).toEqual(data('22P02'));
      expect(await kindOf(`insert into public.dated values (1, '2026-01-01')`)).toEqual({
        code: '23514',
        data: false,
        notNow: true,
        partition: true,
      });
      expect(await kindOf('select * from no_such_table')).toEqual(notNow('42P01'));
      expect(await kindOf('this is no sql')).toEqual(notNow('42601'));
    });

    it('29: a batch with guilty items keeps all the others', async () => {
      const { database } = ground;
      const writer = makeBatchWriter<{ id: number; more: string }>({
        write: async (items) => {
          await database.query(
            `insert into public.note (id, text, more) select id, '', more::jsonb from unnest($1::int[], $2::text[]) as n(id, more)`,
            [items.map(({ id }) => id), items.map(({ more }) => more)],
          );
          return [];
        },
      });
      const guilty = new Set([17, 250, 251, 499]);
      const written = await Promise.allSettled(
        Array.from({ length: 500 }, (_, id) => writer.add({ id, more: guilty.has(id) ? '"\\u0000"' : `{"id":${id}}` })),
      );
      expect(written.flatMap(({ status }, id) => (status === 'rejected' ? [id] : []))).toEqual([...guilty]);
      expect(await ids()).toHaveLength(496);
    });

    it('migrates once, whoever begins first', async () => {
      const others = [ground.another(), ground.another()];
      expect(await Promise.all(others.map((database) => migrate(database)))).toEqual([[], []]);
      await ground.database.query('truncate public.herald_migration');
      // Nothing is there that the migrations could meet twice.
      const { rows } = await ground.database.query<{ schema: string }>(
        `select nspname as schema from pg_namespace where nspname !~ '^(pg_|information_schema|public)'`,
      );
      for (const { schema } of rows) await ground.database.query(`drop schema ${schema} cascade`);
      const applied = await Promise.all([ground.database, ...others].map((database) => migrate(database)));
      const names = applied.flat();
      expect(names.length).toBeGreaterThan(3);
      expect(new Set(names).size).toBe(names.length);
      expect(await migrate(ground.database)).toEqual([]);
    });

    it('answers when it is asked whether it is there', () => ground.database.check());
  });
}
