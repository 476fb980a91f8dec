/** What the four chat robots share: posting JSON and reading a code from a JSON answer, HTTP 200 or not. */
import { createHash } from 'node:crypto';
import type { ChannelIo, Failure, HttpAnswer, Receipt } from './channel.js';
import { fail, failure, httpFailure, jsonObject, retryAfterSeconds, safeText } from './failures.js';

export async function postJson(
  url: string,
  body: unknown,
  io: ChannelIo,
  secrets: readonly string[],
): Promise<HttpAnswer> {
  return io.http.request(
    {
      method: 'POST',
      url,
      headers: {
        'content-type': 'application/json; charset=utf-8',
        'user-agent': 'Herald/1',
        'accept-encoding': 'identity',
      },
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
  const isSuccess = answer.status >= 200 && answer.status < 300;
  const body = jsonObject(answer);
  const found = body && read(body);
  if (!found) fail(isSuccess ? unexpected(answer) : httpFailure(answer, now));
  const said = { status: answer.status, providerCode: String(found.code), providerMessage: safeText(found.text) };
  const problem = classify(found, answer, now);
  if (problem) fail({ ...refined(problem, answer, now), ...said });
  if (!isSuccess) fail(httpFailure(answer, now));
  return said;
}

/** Where a code is unknown the status may know more; where it throttles, the time that the answer names counts. */
function refined(problem: Failure, answer: HttpAnswer, now: Date): Failure {
  if (problem.kind === 'unknown' && (answer.status === 429 || answer.status >= 500)) return httpFailure(answer, now);
  const seconds = problem.kind === 'throttled' ? retryAfterSeconds(answer, now) : undefined;
  return seconds === undefined ? problem : { ...problem, retryAfterSeconds: seconds, retryAfterStated: true };
}

/** Taken or not: where the body broke off, it may have been. */
export function unexpected(answer: HttpAnswer): Failure {
  return failure('provider-down', 'UNEXPECTED_ANSWER', {
    ambiguous: answer.isPartial === true,
    status: answer.status,
    providerMessage: safeText(answer.text),
  });
}

/** Names who shares a limit without holding the credential. */
export function limitKey(platform: string, credential: string): string {
  return `${platform}:${createHash('sha256').update(credential).digest('base64url').slice(0, 22)}`;
}
