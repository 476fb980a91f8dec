/**
 * What the environment means where everything runs in one process: without a database of its own it is a demonstration
 * that works at once, with imitated providers. Explicit settings always win.
 */
import { isIPv6 } from 'node:net';
import { ConfigError } from '@herald/platform';

export type Environment = Readonly<Record<string, string | undefined>>;

export const HERALD_PORT = 3000;
const SANDBOX_PORT = 3010;
const imitated = ['dingtalk', 'wecom', 'lark', 'slack'] as const;

/** No database named: it lives in the data folder. */
export function isEmbedded(environment: Environment): boolean {
  return !isGiven(environment, 'HERALD_DATABASE_URL');
}

/** The same environment with what follows from it filled in. */
export function withEmbeddedDefaults(environment: Environment): Environment {
  const defaults: Record<string, string> = { ...addressDefaults(environment) };
  if (isEmbedded(environment)) defaults['HERALD_SANDBOX'] = 'true';
  if ((environment['HERALD_SANDBOX'] || defaults['HERALD_SANDBOX']) === 'true') {
    Object.assign(defaults, sandboxDefaults(environment));
  }
  const filled: Record<string, string | undefined> = { ...environment };
  for (const [name, value] of Object.entries(defaults)) if (!isGiven(environment, name)) filled[name] = value;
  const origins = environment['HERALD_PROVIDER_ORIGINS'];
  if (origins && defaults['HERALD_PROVIDER_ORIGINS']) {
    filled['HERALD_PROVIDER_ORIGINS'] = mergedOrigins(origins, defaults['HERALD_PROVIDER_ORIGINS']);
  }
  return filled;
}

/** `X` or `X_FILE`; empty counts as unset. */
export function isGiven(environment: Environment, name: string): boolean {
  return Boolean(environment[name] || environment[`${name}_FILE`]);
}

/** Links lead to where this process listens, unless it is told that people reach it elsewhere. */
function addressDefaults(environment: Environment): Record<string, string> {
  const port = environment['HERALD_PORT'];
  return port && /^[1-9]\d*$/.test(port) ? { HERALD_PUBLIC_URL: `http://localhost:${port}` } : {};
}

function sandboxDefaults(environment: Environment): Record<string, string> {
  const host = reachable(environment['HERALD_HOST'] || '127.0.0.1');
  const port = Number(environment['HERALD_SANDBOX_PORT'] || SANDBOX_PORT);
  if (port === 0) {
    throw new ConfigError([
      'HERALD_SANDBOX_PORT: expected a port number other than 0, because the imitated providers are called there',
    ]);
  }
  // Not a number, or beyond the last port: the schema names that fault.
  if (!(port < 65_535)) return {};
  return {
    HERALD_SMTP_URL: `smtp://${bracketed(host)}:${port + 1}`,
    HERALD_MAIL_FROM: 'Herald <herald@example.com>',
    HERALD_OUTBOUND_ALLOW: host === 'localhost' ? '127.0.0.1/32,::1/128' : `${host}/${isIPv6(host) ? 128 : 32}`,
    HERALD_PROVIDER_ORIGINS: imitated.map((platform) => `${platform}=http://${bracketed(host)}:${port}`).join(','),
  };
}

/** Platform by platform: naming the real origin of one doesn't send the others' imitated robots to the real ones. */
function mergedOrigins(explicit: string, defaults: string): string {
  const named = new Set(explicit.split(',').map((pair) => pair.split('=')[0]!.trim()));
  return [explicit, ...defaults.split(',').filter((pair) => !named.has(pair.split('=')[0]!))].join(',');
}

/** An address that listens everywhere is called on the loopback. */
function reachable(host: string): string {
  if (host === '0.0.0.0') return '127.0.0.1';
  return host === '::' ? '::1' : host;
}

const bracketed = (host: string) => (isIPv6(host) ? `[${host}]` : host);
