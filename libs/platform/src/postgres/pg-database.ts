/** PostgreSQL through `pg`. On the embedded ground the same code talks to PGlite over its one connection. */
import pg from 'pg';
import { answeredWithin } from './answered-within.js';
import type { Database, QueryResult, Sql } from './database.js';
import { sqlState } from './faults.js';
import type { PgliteStream } from './pglite-stream.js';

const { builtins } = pg.types;
const parsers = new pg.TypeOverrides();
parsers.setTypeParser(builtins.INT8, Number);
parsers.setTypeParser(builtins.NUMERIC, Number);

export interface PgOptions {
  readonly url: string;
  readonly connections: number;
  readonly isEmbedded: boolean;
  /** On the embedded ground: the wire of a connection. */
  readonly stream?: () => PgliteStream;
  readonly applicationName: string;
  readonly onError?: (error: Error) => void;
}

export class PgDatabase implements Database {
  readonly isEmbedded: boolean;
  private readonly pool: pg.Pool;

  constructor(options: PgOptions) {
    this.isEmbedded = options.isEmbedded;
    this.pool = new pg.Pool({
      connectionString: options.url,
      max: options.connections,
      application_name: options.applicationName,
      types: parsers,
      idleTimeoutMillis: 0,
      keepAlive: true,
      // The one embedded connection queues everybody; a server has room or is away.
      connectionTimeoutMillis: options.isEmbedded ? 0 : 5_000,
      ...(options.stream ? { stream: options.stream as never } : {}),
      ...(options.isEmbedded ? {} : { statement_timeout: 30_000, query_timeout: 35_000 }),
    });
    this.pool.on('error', (error) => options.onError?.(error));
    // One that is lost while it is lent out tells its borrower; without a listener it would end the process.
    this.pool.on('connect', (client) => void client.on('error', () => {}));
    // There is one session behind all embedded connections: a new one must not meet what a former one left.
    if (options.isEmbedded) this.pool.on('connect', (client) => void client.query('rollback; deallocate all'));
  }

  async query<Row>(
    text: string | { readonly name: string; readonly text: string },
    values: readonly unknown[] = [],
  ): Promise<QueryResult<Row>> {
    const client = await this.pool.connect();
    let broken: Error | undefined;
    try {
      return await run<Row>(client, text, values);
    } catch (error) {
      // What PostgreSQL itself refused leaves the connection sound; the pool's own `query` would throw it away.
      if (sqlState(error) === null) broken = error as Error;
      throw error;
    } finally {
      client.release(broken);
    }
  }

  async transaction<Result>(work: (tx: Sql) => Promise<Result>): Promise<Result> {
    const client = await this.pool.connect();
    let broken: Error | undefined;
    try {
      await client.query('begin');
      const result = await work({ query: (text, values = []) => run(client, text, values) });
      await client.query('commit');
      return result;
    } catch (error) {
      await client.query('rollback').catch((failed: Error) => {
        broken = failed;
      });
      throw error;
    } finally {
      client.release(broken);
    }
  }

  async check(): Promise<void> {
    await answeredWithin(2_000, this.pool.query('select 1'));
  }

  async close(): Promise<void> {
    await this.pool.end();
  }
}

async function run<Row>(
  target: pg.Pool | pg.PoolClient,
  text: string | { readonly name: string; readonly text: string },
  values: readonly unknown[],
): Promise<QueryResult<Row>> {
  const config =
    typeof text === 'string' ? { text, values: values as unknown[] } : { ...text, values: values as unknown[] };
  const { rows, rowCount } = await target.query(config);
  return { rows: rows as Row[], rowCount: rowCount ?? 0 };
}
