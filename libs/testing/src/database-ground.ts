/** The grounds a store must work on: the embedded database, and a server's where one is named. */
import { randomBytes } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Database, KeyRing, migrate, openEmbeddedDatabase, PgDatabase } from '@herald/platform';
import { pino } from 'pino';

export interface Ground {
  readonly database: Database;
  /** Another process on the same database. */
  another(): Database;
  close(): Promise<void>;
}

export const silent = pino({ level: 'silent' });

export async function embeddedGround(): Promise<Ground> {
  const folder = mkdtempSync(join(tmpdir(), 'herald-test-'));
  const database = await openEmbeddedDatabase(folder, 'test');
  await migrate(database);
  return {
    database,
    another: () => database,
    async close() {
      await database.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

const SERVER = process.env['HERALD_TEST_DATABASE_URL'];

export async function serverGround(): Promise<Ground> {
  const name = `herald_test_${randomBytes(6).toString('hex')}`;
  const connect = (url: string) =>
    new PgDatabase({ url, connections: 6, isEmbedded: false, applicationName: 'test', onError: () => {} });
  const server = connect(SERVER!);
  await server.query(`create database ${name}`);
  const url = new URL(SERVER!);
  url.pathname = `/${name}`;
  const opened = [connect(url.href)];
  await migrate(opened[0]!);
  return {
    database: opened[0]!,
    another() {
      opened.push(connect(url.href));
      return opened.at(-1)!;
    },
    async close() {
      for (const database of opened) await database.close();
      await server.query(`drop database ${name} with (force)`);
      await server.close();
    },
  };
}

export interface NamedGround {
  readonly name: string;
  readonly open: () => Promise<Ground>;
}

export const embedded: NamedGround = { name: 'the embedded database', open: embeddedGround };
/** None where there is no server, which `startServers` has reported, and which in CI has failed the run. */
export const servers: readonly NamedGround[] = SERVER ? [{ name: 'PostgreSQL', open: serverGround }] : [];

export const keyRing = new KeyRing(`k1:${randomBytes(32).toString('base64')}`);

export function anId(prefix: string): string {
  return `${prefix}-${randomBytes(6).toString('hex')}`;
}
