/** Bearer secrets: shown once, kept as SHA-256. They are random and long, so a plain hash can't be searched. */
import { hash } from 'node:crypto';

export function hashToken(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}
