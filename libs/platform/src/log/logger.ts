/** One logger per process. Secrets never reach it: known fields are redacted, errors are cut to what is safe. */
import { type Logger, pino } from 'pino';
import pretty from 'pino-pretty';
import type { PlatformConfig } from '../config/platform.config.js';

export type { Logger } from 'pino';
export const LOGGER = Symbol('Logger');

const secretFields = ['authorization', 'cookie', 'password', 'secret', 'token', 'url', 'botToken', 'key'];

export function createLogger(service: string, config: Pick<PlatformConfig, 'LOG_LEVEL' | 'LOG_FORMAT'>): Logger {
  const format = config.LOG_FORMAT ?? (process.stdout.isTTY ? 'pretty' : 'json');
  const options = {
    level: config.LOG_LEVEL,
    base: { service },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (level: string) => ({ level }) },
    redact: {
      paths: secretFields.flatMap((field) => [field, `config.${field}`, `headers.${field}`]),
      censor: '[secret]',
    },
    serializers: { error: describeError, err: describeError },
  };
  if (format === 'pretty')
    return pino(options, pretty({ colorize: process.stdout.isTTY, ignore: 'pid,hostname,service' }));
  return pino(options, pino.destination({ dest: 1, sync: true }));
}

/** Type, code, message and stack, with anything that looks like an address cut to its origin (robot URLs are credentials). */
export function describeError(error: unknown): Record<string, unknown> {
  if (!(error instanceof Error)) return { message: withoutAddresses(String(error)) };
  const { code } = error as NodeJS.ErrnoException;
  return {
    type: error.name,
    message: withoutAddresses(error.message),
    ...(code ? { code } : {}),
    ...(error.stack ? { stack: withoutAddresses(error.stack) } : {}),
    ...(error.cause ? { cause: describeError(error.cause) } : {}),
  };
}

export function withoutAddresses(text: string): string {
  return text.replace(
    /\b([a-z][a-z0-9+.-]*:\/\/)([^\s/"']*@)?([^\s/?#"']+)([/?#][^\s"')]*)?/gi,
    (whole, scheme, _user, host, rest) =>
      scheme.toLowerCase() === 'file://' ? whole : `${scheme}${host}${rest && rest !== '/' ? '/…' : ''}`,
  );
}
