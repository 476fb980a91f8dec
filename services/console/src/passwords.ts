/** Passwords are kept as argon2id with the library's defaults (19 MiB, 2 passes), OWASP's first recommendation. */
import { hash, verify } from '@node-rs/argon2';

export function hashPassword(password: string): Promise<string> {
  return hash(password);
}

let nobodys: Promise<string> | undefined;

/** Takes as long for a person that doesn't exist, or has no password (`kept` is null), as for a wrong one. */
export async function isPassword(kept: string | null, given: string): Promise<boolean> {
  nobodys ??= hash('nobody has this one');
  const matches = await verify(kept ?? (await nobodys), given);
  return kept !== null && matches;
}
