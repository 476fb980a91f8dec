import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { DataDirInUse, openEmbeddedDatabase } from './embedded-database.js';

/** A process of its own, which is what was built: it writes, and says what is acknowledged. */
const WRITER = `
  import { openEmbeddedDatabase } from ${JSON.stringify(join(import.meta.dirname, '../../dist/postgres/embedded-database.js'))};
  const database = await openEmbeddedDatabase(process.argv[2], 'writer');
  await database.query('create table if not exists public.kept (n bigint primary key)');
  const { rows } = await database.query('select coalesce(max(n), 0) as last from public.kept');
  for (let n = rows[0].last + 1; ; n += 20) {
    await database.query('insert into public.kept select generate_series($1::bigint, $1::bigint + 19)', [n]);
    console.log(n + 19);
  }
`;

describe('the embedded database', () => {
  let folder: string;
  const children: ChildProcess[] = [];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'herald-test-'));
  });
  afterEach(() => {
    for (const child of children.splice(0)) child.kill('SIGKILL');
    rmSync(folder, { recursive: true, force: true });
  });

  const write = () => {
    const program = join(folder, 'writer.mjs');
    writeFileSync(program, WRITER);
    const child = spawn(process.execPath, [program, folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
      env: { ...process.env, NODE_OPTIONS: '' },
    });
    children.push(child);
    return child;
  };
  /** Resolves with the last acknowledged number once so many statements were, after killing the process. */
  const killAfter = (child: ChildProcess, statements: number) =>
    new Promise<number>((resolve) => {
      let last = 0;
      let count = 0;
      createInterface({ input: child.stdout! }).on('line', (line) => {
        last = Number(line);
        count += 1;
        if (count === statements) child.kill('SIGKILL');
      });
      child.once('close', () => resolve(last));
    });

  it('loses nothing acknowledged when its process is killed while it writes', async () => {
    let acknowledged = 0;
    for (const statements of [30, 200]) acknowledged = await killAfter(write(), statements);
    expect(acknowledged).toBeGreaterThanOrEqual(230 * 20);
    const database = await openEmbeddedDatabase(folder, 'reader');
    const { rows } = await database.query<{ count: number; last: number }>(
      'select count(*) as count, max(n) as last from public.kept',
    );
    expect(rows[0]!.count).toBe(rows[0]!.last);
    expect(rows[0]!.last).toBeGreaterThanOrEqual(acknowledged);
    await database.close();
  }, 180_000);

  it('refuses a second process, and takes over what a dead one left', async () => {
    const child = write();
    await new Promise((resolve) => child.stdout!.once('data', resolve));
    const refused = await openEmbeddedDatabase(folder, 'second').catch((error) => error);
    expect(refused).toBeInstanceOf(DataDirInUse);
    expect(refused.message).toContain(`in use by process ${child.pid}`);
    expect(refused.message).toContain('HERALD_DATA_DIR');
    child.kill('SIGKILL');
    await new Promise((resolve) => child.once('close', resolve));
    expect(readFileSync(join(folder, 'herald.pid'), 'utf8')).toBe(String(child.pid));
    const database = await openEmbeddedDatabase(folder, 'third');
    expect(readFileSync(join(folder, 'herald.pid'), 'utf8')).toBe(String(process.pid));
    await database.close();
  }, 180_000);

  it('takes over a lock that names no process', async () => {
    writeFileSync(join(folder, 'herald.pid'), '');
    const database = await openEmbeddedDatabase(folder, 'first');
    await database.check();
    await database.close();
  }, 120_000);
});
