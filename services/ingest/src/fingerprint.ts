/** What tells two posts under one key apart: SHA-256 of the body as sent, keys sorted, without `id` (semantics 2). */
import { createHash } from 'node:crypto';

export function fingerprint(body: Readonly<Record<string, unknown>>): string {
  const { id: _, ...rest } = body;
  return createHash('sha256').update(canonical(rest)).digest('hex');
}

/** JSON with the keys of every object in order. */
export function canonical(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonical).join(',')}]`;
  if (value !== null && typeof value === 'object') {
    const members = Object.keys(value)
      .sort()
      .map((key) => `${JSON.stringify(key)}:${canonical((value as Record<string, unknown>)[key])}`);
    return `{${members.join(',')}}`;
  }
  return JSON.stringify(value) ?? 'null';
}
