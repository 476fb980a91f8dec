/** What tells two posts under one key apart: SHA-256 of the body as sent, keys sorted, without `id` (semantics 2). */
import { hash } from 'node:crypto';

/** Of a canonical body. */
export function fingerprint(canonical: string): string {
  return hash('sha256', canonical, 'hex');
}

/** The body without its `id`, as JSON with the keys of every object in order. */
export function canonicalBody(body: object): string {
  const { id: _, ...rest } = body as { id?: unknown };
  return canonical(rest);
}

/** For what JSON.parse answers. */
export function canonical(value: unknown): string {
  if (typeof value !== 'object' || value === null) return JSON.stringify(value);
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  let members = '';
  for (const key of Object.keys(value).sort()) {
    const member = `${quoted(key)}:${canonical((value as Record<string, unknown>)[key])}`;
    members = members === '' ? member : `${members},${member}`;
  }
  return `{${members}}`;
}

/** Most keys are the API's own. */
const quotedKeys = new Map<string, string>();
const QUOTED_AT_MOST = 1_000;

function quoted(key: string): string {
  let text = quotedKeys.get(key);
  if (text === undefined) {
    text = JSON.stringify(key);
    if (quotedKeys.size < QUOTED_AT_MOST) quotedKeys.set(key, text);
  }
  return text;
}
