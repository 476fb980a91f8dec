/** What people see of a secret address: scheme, host and the last 4 characters, which tell two robots apart. */
const SHOWN = 4;
/** Below this the last characters would be most of the secret. */
const SHOWN_FROM_LENGTH = 12;

export function maskUrl(url: string): string {
  const { protocol, host, pathname, search } = new URL(url);
  const rest = pathname.slice(1) + search;
  return `${protocol}//${host}/…${rest.length >= SHOWN_FROM_LENGTH ? rest.slice(-SHOWN) : ''}`;
}
