/** Whose fault a failed statement or publish is (semantics 28). */
import { BusUnavailable } from '../bus/bus.js';
import { DatabaseSilent } from './answered-within.js';

const DATA_CLASSES = new Set(['21', '22', '23']);

/** The code that PostgreSQL itself answered, or null. */
export function sqlState(error: unknown): string | null {
  const code = (error as { code?: unknown } | null)?.code;
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) ? code : null;
}

/** PostgreSQL has no partition for the row: make it and repeat. */
export function isMissingPartition(error: unknown): boolean {
  return sqlState(error) === '23514' && /no partition of relation/.test((error as Error).message);
}

/** The record's own fault: another try can't help. */
export function isDataFault(error: unknown): boolean {
  const state = sqlState(error);
  return state !== null && DATA_CLASSES.has(state.slice(0, 2)) && !isMissingPartition(error);
}

/** Our own database or bus is away or busy: wait and repeat, never counted as a try. */
export function isNotNow(error: unknown): boolean {
  if (error instanceof BusUnavailable || error instanceof DatabaseSilent) return true;
  if (!(error instanceof Error)) return false;
  if (isDataFault(error)) return false;
  if (sqlState(error) !== null) return true;
  const { code } = error as NodeJS.ErrnoException;
  if (code && /^(ECONN|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH|ENOTFOUND|EAI_AGAIN)/.test(code)) return true;
  return /Connection terminated|timeout exceeded when trying to connect|Client has encountered a connection error|not queryable|Query read timeout/.test(
    error.message,
  );
}
