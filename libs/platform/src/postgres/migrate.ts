/** Forward only, one transaction each, in the order of their names; several processes may start at once. */
import { readdirSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import type { Database } from './database.js';

const FOLDER = fileURLToPath(new URL('../../migrations/', import.meta.url));
const ADVISORY_LOCK = 4_837_002;

/** Answers the names of the migrations that were applied now. */
export async function migrate(database: Database): Promise<string[]> {
  const names = readdirSync(FOLDER)
    .filter((name) => name.endsWith('.sql'))
    .sort();
  const { rows } = await database.query<{ found: string | null }>(
    `select to_regclass('public.herald_migration')::text as found`,
  );
  if (rows[0]!.found !== null) {
    const done = await applied(database);
    if (names.every((name) => done.has(name))) return [];
  }
  const now: string[] = [];
  for (const name of names) {
    await database.transaction(async (tx) => {
      await tx.query(`select pg_advisory_xact_lock(${ADVISORY_LOCK})`);
      await tx.query(
        'create table if not exists public.herald_migration (name text primary key, applied_at timestamptz not null default now())',
      );
      const claimed = await tx.query('insert into public.herald_migration (name) values ($1) on conflict do nothing', [
        name,
      ]);
      if (claimed.rowCount === 0) return;
      await tx.query(readFileSync(`${FOLDER}${name}`, 'utf8'));
      now.push(name);
    });
  }
  return now;
}

async function applied(database: Database): Promise<Set<string>> {
  const { rows } = await database.query<{ name: string }>('select name from public.herald_migration');
  return new Set(rows.map(({ name }) => name));
}
