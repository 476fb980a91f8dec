/** Making failures: one place for what HTTP itself says, for the channels' tables to build on. */
import { type Failure, type FailureKind, type HttpAnswer, ProviderError } from './channel.js';

const TEXT_AT_MOST = 4_096;
const RETRY_AFTER_AT_MOST_SECONDS = 24 * 60 * 60;

export function failure(kind: FailureKind, providerCode: string, more: Partial<Failure> = {}): Failure {
  return { kind, ambiguous: false, providerCode, providerMessage: '', status: null, ...more };
}

/** Cut, without NUL and lone surrogates: PostgreSQL takes neither. */
export function safeText(text: string): string {
  return text.slice(0, TEXT_AT_MOST).replaceAll('\u0000', '\uFFFD').toWellFormed();
}

/** Seconds or an HTTP date (RFC 9110, 10.2.3) → seconds from now, at most a day. */
export function retryAfterSeconds(answer: HttpAnswer, now: Date): number | undefined {
  const value = answer.headers['retry-after'];
  if (value === undefined) return undefined;
  const seconds = /^\s*\d+\s*$/.test(value) ? Number(value) : Math.ceil((Date.parse(value) - now.getTime()) / 1_000);
  if (!Number.isFinite(seconds) || seconds < 0) return undefined;
  return Math.min(seconds, RETRY_AFTER_AT_MOST_SECONDS);
}

/** What an HTTP status alone means (domain.md, retried). */
export function httpFailure(answer: HttpAnswer, now: Date): Failure {
  const { status } = answer;
  const after = retryAfterSeconds(answer, now);
  const base = {
    providerMessage: safeText(answer.text),
    status,
    ...(after === undefined ? {} : { retryAfterSeconds: after, retryAfterStated: true }),
  };
  const code = `HTTP ${status}`;
  if (status === 429) return failure('throttled', code, base);
  if (status >= 500 || [408, 409, 425].includes(status)) return failure('provider-down', code, base);
  if (status === 410) return failure('bad-destination', code, { ...base, gone: true, advice: 'endpoint-gone' });
  if ([401, 403, 407].includes(status))
    return failure('bad-credentials', code, { ...base, attemptsAtMost: 3, advice: 'endpoint-refuses' });
  if (status === 404)
    return failure('bad-destination', code, { ...base, attemptsAtMost: 3, advice: 'endpoint-not-found' });
  if (status >= 300 && status < 400)
    return failure('bad-destination', code, { ...base, attemptsAtMost: 3, advice: 'endpoint-redirects' });
  return failure('unknown', code, { ...base, attemptsAtMost: 3 });
}

export function fail(found: Failure, cause?: unknown): never {
  throw new ProviderError(found, cause === undefined ? undefined : { cause });
}

/** The object a JSON answer holds, or null: `{}`, a list or a page of HTML is never a success. */
export function jsonObject(answer: HttpAnswer): Record<string, unknown> | null {
  try {
    const value = JSON.parse(answer.text);
    return value !== null && typeof value === 'object' && !Array.isArray(value) ? value : null;
  } catch {
    return null;
  }
}
