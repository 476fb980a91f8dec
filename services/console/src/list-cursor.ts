/** Cursors of this service's lists: made by us, but hostile when they come back. */
import { decodeCursor, Problem } from '@herald/platform';

const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

function refused(): Problem {
  return new Problem(422, 'What was sent is not valid.', {
    errors: [{ path: '/cursor', message: 'is not a cursor of this list' }],
  });
}

export function uuidCursor(cursor: string | undefined): string | null {
  const id = textCursor(cursor);
  if (id !== null && !UUID.test(id)) throw refused();
  return id;
}

export function textCursor(cursor: string | undefined): string | null {
  const values = decodeCursor(cursor, 1);
  if (values === null) return null;
  if (typeof values[0] !== 'string') throw refused();
  return values[0];
}

export function numberCursor(cursor: string | undefined): number | null {
  const values = decodeCursor(cursor, 1);
  if (values === null) return null;
  if (!Number.isSafeInteger(values[0])) throw refused();
  return values[0] as number;
}

/** A time and the id that stood there. */
export function placeCursor(cursor: string | undefined): { readonly at: string; readonly id: string } | null {
  const values = decodeCursor(cursor, 2);
  if (values === null) return null;
  const [at, id] = values;
  const isTime = typeof at === 'string' && /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(at) && !Number.isNaN(Date.parse(at));
  if (!isTime || typeof id !== 'string' || !UUID.test(id)) throw refused();
  return { at, id };
}
