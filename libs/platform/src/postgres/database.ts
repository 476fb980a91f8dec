/**
 * The database as stores see it: plain SQL with parameters. On the embedded ground there is exactly one connection
 * (testing.md): inside `transaction` use only the given `tx` and await nothing but its queries.
 */
export { answeredWithin, DatabaseSilent } from './answered-within.js';

export interface QueryResult<Row> {
  readonly rows: Row[];
  readonly rowCount: number;
}

export interface Sql {
  /** `name` makes it a prepared statement, kept per connection. */
  query<Row = Record<string, unknown>>(
    text: string | { readonly name: string; readonly text: string },
    values?: readonly unknown[],
  ): Promise<QueryResult<Row>>;
}

export interface Database extends Sql {
  transaction<Result>(work: (tx: Sql) => Promise<Result>): Promise<Result>;
  /** True for PGlite: one connection, no advisory-lock contention, no LISTEN. */
  readonly isEmbedded: boolean;
  /** Rejects where the database doesn't answer within 2 s. */
  check(): Promise<void>;
  close(): Promise<void>;
}

export const DATABASE = Symbol('Database');
