/** Keeping credentials out of what a provider says: some quote the address or the token they were called with. */
import type { HttpRequest } from './channel.js';

const MASK = '•••';
/** Shorter pieces of an address (`v2`, `send`) are words, not credentials. */
const PIECE_AT_LEAST = 8;

export function redact(text: string, { url, secrets }: Pick<HttpRequest, 'url' | 'secrets'>, called: URL): string {
  if (text === '' || text === 'ok') return text;
  let clean = text;
  for (const secret of secrets ?? []) if (secret !== '') clean = clean.replaceAll(secret, MASK);
  clean = clean.replaceAll(url, MASK);
  for (const piece of piecesOf(called)) clean = clean.replaceAll(piece, MASK);
  return clean;
}

function piecesOf({ pathname, search, searchParams }: URL): string[] {
  const path = pathname.split('/');
  const last = path.at(-1)!;
  const pieces = path.filter((piece) => piece === last || /[\dA-Z]/.test(piece));
  if (search !== '') pieces.push(...searchParams.values());
  return pieces.filter((piece) => piece.length >= PIECE_AT_LEAST).sort((a, b) => b.length - a.length);
}
