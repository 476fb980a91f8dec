/** PGlite in the data folder, reached by `pg` over exactly one connection (see database.ts). */
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { makeDataDir } from '../data-dir.js';
import { dataDirFault, StartFault } from '../start-fault.js';
import type { Database } from './database.js';
import { PgDatabase } from './pg-database.js';
import { PgliteHost } from './pglite-host.js';
import { PgliteStream } from './pglite-stream.js';

export class DataDirInUse extends StartFault {
  override readonly name = 'DataDirInUse';
}

export async function openEmbeddedDatabase(dataDir: string, applicationName: string): Promise<Database> {
  const folder = resolve(dataDir);
  const unlock = claim(folder);
  const lite = await PgliteHost.open(join(folder, 'database'));
  const database = new PgDatabase({
    url: 'postgres://postgres@embedded/postgres',
    connections: 1,
    isEmbedded: true,
    stream: () => new PgliteStream(lite),
    applicationName,
  });
  return Object.assign(database, {
    close: async () => {
      await PgDatabase.prototype.close.call(database);
      await lite.close();
      unlock();
    },
  });
}

function claim(folder: string): () => void {
  try {
    makeDataDir(folder);
    return lock(folder);
  } catch (error) {
    throw dataDirFault(error, folder);
  }
}

/** Two processes on one PGlite folder destroy it: the second is refused. A lock of a dead process is taken over. */
function lock(folder: string): () => void {
  const path = join(folder, 'herald.pid');
  for (let tries = 0; tries < 2; tries += 1) {
    try {
      const file = openSync(path, 'wx', 0o600);
      writeSync(file, String(process.pid));
      closeSync(file);
      return () => rmSync(path, { force: true });
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
      const pid = Number(readFileSync(path, 'utf8'));
      if (pid && pid !== process.pid && isAlive(pid)) {
        throw new DataDirInUse(
          `The data folder ${folder} is in use by process ${pid}. Stop it, or set HERALD_DATA_DIR to another folder.`,
        );
      }
      rmSync(path, { force: true });
    }
  }
  throw new DataDirInUse(`The data folder ${folder} can't be locked.`);
}

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
