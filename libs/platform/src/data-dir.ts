/** The folder of the embedded database and of generated secrets. */
import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes the folder and those above it, readable by their owner alone. Not by `recursive`: where a file system answers
 * ENOENT to a folder whose parent exists, as /proc does, that tries for ever.
 */
export function makeDataDir(folder: string): void {
  if (existsSync(folder)) return;
  const parent = dirname(folder);
  if (parent !== folder) makeDataDir(parent);
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST' || !existsSync(folder)) throw error;
  }
}
