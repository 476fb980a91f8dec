/** Lark's and Feishu's codes. 9499 is both a bad request and throttling: told apart by its text. */
import type { Failure, HttpAnswer } from '../channel.js';
import { failure } from '../failures.js';
import type { RobotAnswer } from '../robot.js';

const message = failure('bad-message', '');
const refuses = (advice: string) => failure('bad-credentials', '', { advice });
const disabled = failure('bad-destination', '', { advice: 'robot-disabled' });

const byCode: Record<number, Failure> = {
  11232: failure('throttled', '', { retryAfterSeconds: 5 }),
  11247: failure('throttled', '', { retryAfterSeconds: 60 }),
  2200: failure('provider-down', ''),
  19001: failure('bad-destination', '', { advice: 'robot-removed' }),
  19002: message,
  19022: refuses('ip-not-allowed'),
  19024: refuses('keyword-missing'),
  11246: message,
  230099: message,
  19007: disabled,
  19031: disabled,
  19036: disabled,
};

const CLOCK_OFF_BY_MS = 60_000;

export function classifyLark({ code, text }: RobotAnswer, answer: HttpAnswer, now: Date): Failure | null {
  if (code === 0) return null;
  if (code === 9499)
    return /too many|frequency/i.test(text) ? failure('throttled', '', { retryAfterSeconds: 60 }) : message;
  if (code === 99991400) {
    const reset = Number(answer.headers['x-ogw-ratelimit-reset']);
    return failure(
      'throttled',
      '',
      reset > 0 ? { retryAfterSeconds: reset, retryAfterStated: true } : { retryAfterSeconds: 60 },
    );
  }
  if (code === 19021) {
    // Signature or clock: the answer's own time tells which.
    const date = Date.parse(answer.headers['date'] ?? '');
    const isClock = Number.isFinite(date) && Math.abs(date - now.getTime()) > CLOCK_OFF_BY_MS;
    return isClock ? failure('provider-down', '', { advice: 'clock-wrong' }) : refuses('signature-wrong');
  }
  return byCode[code] ?? failure('unknown', '', { attemptsAtMost: 3 });
}
