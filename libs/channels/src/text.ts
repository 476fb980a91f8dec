/** Cutting text at a provider's limit: in bytes, on the border of what a reader takes for one character. */

export const MARK = '…';

export function bytesOf(text: string): number {
  return Buffer.byteLength(text);
}

/** Bytes that a text takes inside serialised JSON, without its quotes. */
export function jsonBytesOf(text: string): number {
  return Buffer.byteLength(JSON.stringify(text)) - 2;
}

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/**
 * As much of `text` as `escape` and `measure` leave room for, with a mark where something was left out. Escaping happens
 * per character, so nothing that it wrote is ever cut in half.
 */
export function cutEscaped(
  text: string,
  room: number,
  escape: (text: string) => string,
  measure: (text: string) => number = bytesOf,
): { readonly text: string; readonly isCut: boolean } {
  const whole = escape(text);
  if (measure(whole) <= room) return { text: whole, isCut: false };
  const limit = room - measure(MARK);
  let used = 0;
  let kept = '';
  // Far more than can fit is not worth segmenting.
  for (const { segment } of graphemes.segment(text.slice(0, room + 64))) {
    const escaped = escape(segment);
    const size = measure(escaped);
    if (used + size > limit) break;
    used += size;
    kept += escaped;
  }
  return { text: kept + MARK, isCut: true };
}

/** Cut in code points, as Slack counts. */
export function cutCharacters(text: string, atMost: number): { readonly text: string; readonly isCut: boolean } {
  return cutEscaped(text, atMost, (part) => part, (part) => part.length);
}
