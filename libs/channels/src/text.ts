/** Cleaning and cutting text: at a provider's limit, on the border of what a reader takes for one character. */

export const MARK = '…';

export function bytesOf(text: string): number {
  return Buffer.byteLength(text);
}

/** Bytes that a text takes inside serialised JSON, without its quotes. */
export function jsonBytesOf(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2;
}

/** As Slack counts, on the safe side: UTF-16 units. */
export function unitsOf(text: string): number {
  return text.length;
}

/** What people can't see but what changes what they see: controls, and marks that reorder text. */
const INVISIBLE = /[[\p{Cc}--[\n\t]]\u202A-\u202E\u2066-\u2069]/gv;

/** Well-formed, lines ended by `\n`, without controls and marks that reorder text. */
export function cleaned(text: string): string {
  return text
    .toWellFormed()
    .replace(/\r\n?|[\u0085\u2028\u2029]/g, '\n')
    .replace(INVISIBLE, '');
}

export function oneLine(text: string): string {
  return cleaned(text).replace(/\s+/g, ' ').trim();
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

export interface Cut {
  readonly text: string;
  readonly isCut: boolean;
}

/**
 * As much of `text`, escaped, as there is room for, with a mark where something was left out. Cut before it is escaped, so
 * nothing that `escaped` wrote is ever cut in half.
 */
export function cutEscaped(
  text: string,
  room: number,
  escaped: (text: string) => string,
  measure: (text: string) => number = bytesOf,
): Cut {
  const whole = escaped(text);
  if (measure(whole) <= room) return { text: whole, isCut: false };
  const limit = room - measure(MARK);
  if (limit < 0) return { text: '', isCut: true };
  return { text: escaped(text.slice(0, fittingUnits(text, limit, escaped, measure))) + MARK, isCut: true };
}

/** UTF-16 units of the longest beginning that fits, which ends where a reader's character ends. */
export function fittingUnits(
  text: string,
  room: number,
  escaped: (text: string) => string,
  measure: (text: string) => number,
): number {
  let fits = 0;
  // No measure counts a unit as less than 1.
  let over = Math.min(text.length, Math.max(room, 0)) + 1;
  while (over - fits > 1) {
    const middle = (fits + over) >> 1;
    if (measure(escaped(text.slice(0, middle))) <= room) fits = middle;
    else over = middle;
  }
  return fits >= text.length ? text.length : graphemes.segment(text).containing(fits)!.index;
}

export function asIs(text: string): string {
  return text;
}

/** The first lines that fit into `room` together. */
export function fitLines(lines: readonly string[], room: number, measure: (text: string) => number): readonly string[] {
  const kept: string[] = [];
  let left = room;
  for (const line of lines) {
    left -= measure(line);
    if (left < 0) break;
    kept.push(line);
  }
  return kept;
}
