/** Faults of starting that a person can mend, told in words instead of a stack. */
import { ConfigError } from './config/config.js';

/** The message says what is wrong and what to do; it is all that is printed. */
export class StartFault extends Error {
  override readonly name: string = 'StartFault';
}

const folderCodes = new Set([
  'EACCES',
  'EPERM',
  'EROFS',
  'ENOTDIR',
  'EEXIST',
  'ENOSPC',
  'EDQUOT',
  'ENAMETOOLONG',
  'ENOENT',
]);

/** Null where it is none of these: then the error itself is to be logged. */
export function inWords(error: unknown): string | null {
  if (error instanceof ConfigError || error instanceof StartFault) return error.message;
  return null;
}

/** What a server said when it was told to listen; `variable` is the one that names its port. */
export function listenFault(error: unknown, variable: string): unknown {
  const { code, port, address } = error as NodeJS.ErrnoException & { port?: number; address?: string };
  const faults: Record<string, string> = {
    EADDRINUSE: `Port ${port} of ${address} is in use. Stop the process that listens there, or set ${variable} to another port.`,
    EACCES: `Port ${port} of ${address} is not open to this user. Set ${variable} to a port above 1023.`,
    EADDRNOTAVAIL: `${address} is not an address of this machine. Set HERALD_HOST to one that is, such as 127.0.0.1 or 0.0.0.0.`,
    ENOTFOUND: `HERALD_HOST names a host that can’t be found. Set it to an address of this machine, such as 127.0.0.1.`,
  };
  return code && faults[code] ? new StartFault(faults[code], { cause: error }) : error;
}

/** What the file system said about the data folder. */
export function dataDirFault(error: unknown, dataDir: string): unknown {
  const { code } = error as NodeJS.ErrnoException;
  if (!code || !folderCodes.has(code)) return error;
  const reason = code === 'ENOSPC' || code === 'EDQUOT' ? 'its disk is full' : code;
  return new StartFault(
    `The data folder ${dataDir} can’t be written (${reason}). Mend that, or set HERALD_DATA_DIR to another folder.`,
    { cause: error },
  );
}
