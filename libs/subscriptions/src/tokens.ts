/** Bearer secrets: shown once, kept as SHA-256. They are random and long, so a plain hash can't be searched. */
import { createHash } from 'node:crypto';

export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}
