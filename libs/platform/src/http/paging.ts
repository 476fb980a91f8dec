/** Cursors are opaque to callers; inside they are a JSON array of keyset values. */
import { Problem } from './problem.js';

export function encodeCursor(values: readonly (string | number)[]): string {
  return Buffer.from(JSON.stringify(values)).toString('base64url');
}

export function decodeCursor(cursor: string | undefined, length: number): (string | number)[] | null {
  if (cursor === undefined) return null;
  try {
    const values = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'));
    const isSound =
      Array.isArray(values) &&
      values.length === length &&
      values.every((value) => ['string', 'number'].includes(typeof value));
    if (isSound) return values;
  } catch {
    // Told below: whatever is wrong with it, it isn't ours.
  }
  throw new Problem(422, 'What was sent is not valid.', {
    errors: [{ path: '/cursor', message: 'is not a cursor of this list' }],
  });
}

/** Stores answer one row more than asked for; it tells whether there is a next page. */
export function pageFrom<Row>(
  rows: readonly Row[],
  limit: number,
  cursorOf: (row: Row) => readonly (string | number)[],
): { items: Row[]; nextCursor: string | null } {
  const items = rows.slice(0, limit);
  return { items, nextCursor: rows.length > limit ? encodeCursor(cursorOf(items.at(-1)!)) : null };
}
