/** What the four chat robots share: posting JSON and reading a code from a JSON answer, HTTP 200 or not. */
import { createHash } from 'node:crypto';
import type { ChannelIo, Failure, HttpAnswer, Receipt } from './channel.js';
import { fail, failure, httpFailure, jsonObject, safeText } from './failures.js';

export async function postJson(url: string, body: unknown, io: ChannelIo, secrets: readonly string[]): Promise<HttpAnswer> {
  return io.http.request(
    {
      method: 'POST',
      url,
      headers: { 'content-type': 'application/json; charset=utf-8', 'user-agent': 'Herald/1' },
      body: JSON.stringify(body),
      secrets,
    },
    io.signal,
  );
}

export interface RobotAnswer {
  readonly code: number;
  readonly text: string;
}

/** Resolves where the code says so, and only then: `{}` or a page of HTML is not a success. */
export function receiptOf(
  answer: HttpAnswer,
  now: Date,
  read: (body: Record<string, unknown>) => RobotAnswer | null,
  classify: (found: RobotAnswer, answer: HttpAnswer, now: Date) => Failure | null,
): Receipt {
  const body = jsonObject(answer);
  const found = body && read(body);
  if (!found) {
    if (answer.status === 200) fail(failure('provider-down', 'UNEXPECTED_ANSWER', { status: 200, providerMessage: safeText(answer.text) }));
    fail(httpFailure(answer, now));
  }
  const problem = classify(found, answer, now);
  if (problem) fail({ ...problem, status: answer.status, providerCode: String(found.code), providerMessage: safeText(found.text) });
  return { status: answer.status, providerCode: String(found.code), providerMessage: safeText(found.text) };
}

/** Names who shares a limit without holding the credential. */
export function limitKey(platform: string, credential: string): string {
  return `${platform}:${createHash('sha256').update(credential).digest('base64url').slice(0, 22)}`;
}
