/** WeCom's codes (errcode). The text may change, only a few cases look at it. */
import type { Failure } from '../channel.js';
import { failure } from '../failures.js';
import type { RobotAnswer } from '../robot.js';

const message = failure('bad-message', '');
const removed = failure('bad-destination', '', { advice: 'robot-removed' });

const byCode: Record<number, Failure> = {
  // The vendor asks for at most 3 retries.
  [-1]: failure('provider-down', '', { retryAfterSeconds: 5, attemptsAtMost: 4 }),
  45009: failure('throttled', '', { retryAfterSeconds: 60 }),
  45033: failure('throttled', '', { retryAfterSeconds: 10 }),
  93000: removed,
  93004: failure('bad-destination', '', { advice: 'robot-disabled' }),
  93008: failure('bad-destination', '', { advice: 'robot-removed' }),
  ...Object.fromEntries(
    [40008, 40058, 45002, 44004, 40035, 40039, 40033, 40004, 40005, 40006, 40007, 40009, 301019].map((code) => [
      code,
      message,
    ]),
  ),
  ...Object.fromEntries(
    [41001, 40001, 40014, 42001].map((code) => [code, failure('bad-credentials', '', { advice: 'robot-removed' })]),
  ),
};

export function classifyWecom({ code, text }: RobotAnswer): Failure | null {
  if (code !== 0) return byCode[code] ?? failure('unknown', '', { attemptsAtMost: 3 });
  // Taken, but part of it could not be parsed: sending it again would show it twice or not at all again.
  return /wrong json format/i.test(text) ? message : null;
}

/** Answers carry our own address and a hint for their support: neither helps the owner. */
export function withoutEgress(text: string): string {
  return text.replace(/,? *(hint: \[[^\]]*\]|from ip: [^, ]+)/g, '');
}
