/** DingTalk's codes (errcode), overloaded ones told apart by their text in Chinese and English. */
import type { Failure } from '../channel.js';
import { failure } from '../failures.js';
import type { RobotAnswer } from '../robot.js';

const throttled = (seconds: number): Failure => failure('throttled', '', { retryAfterSeconds: seconds });
const destination = (advice: string, more: Partial<Failure> = {}): Failure =>
  failure('bad-destination', '', { advice, ...more });
const credentials = (advice: string): Failure => failure('bad-credentials', '', { advice });
const message = failure('bad-message', '');

/** Not one of DingTalk's: its gateway bans our address without a code, for 5 minutes. */
export const ADDRESS_BANNED = 1111;

const byCode: Record<number, Failure> = {
  // The vendor asks for at most 3 retries.
  [-1]: failure('provider-down', '', { retryAfterSeconds: 30, attemptsAtMost: 4 }),
  [ADDRESS_BANNED]: throttled(300),
  130101: throttled(600),
  410100: throttled(600),
  90030: throttled(3_600),
  90018: throttled(1),
  300005: destination('robot-removed'),
  400101: destination('robot-removed'),
  400102: destination('robot-disabled'),
  400106: destination('robot-removed'),
  400013: destination('group-dissolved', { gone: true }),
  400105: message,
  43004: message,
  43002: message,
  430101: message,
  430102: message,
  430103: message,
  430104: message,
  460101: message,
  101002: message,
  88: credentials('robot-removed'),
  33012: credentials('robot-removed'),
  40014: credentials('robot-removed'),
  42001: credentials('robot-removed'),
};

export function classifyDingtalk({ code, text }: RobotAnswer): Failure | null {
  if (code === 0) return null;
  if (code === 310000) return securityFault(text);
  if (code === 300001) return /频|frequen|too fast|limit/i.test(text) ? throttled(600) : destination('robot-removed');
  if (code === 40035) return /access_token/.test(text) ? destination('robot-removed') : message;
  return byCode[code] ?? failure('unknown', '', { attemptsAtMost: 3 });
}

/** 310000 is every fault of the robot's security settings. */
function securityFault(text: string): Failure {
  if (/timestamp|签名过期|时间戳.*(过期|无效)/i.test(text) && !/签名不匹配/.test(text)) {
    // Our clock: the next attempt carries another time, and its operator has the channel's hours to mend it.
    return failure('provider-down', '', { advice: 'clock-wrong' });
  }
  if (/keyword|关键词/i.test(text)) return credentials('keyword-missing');
  if (/sign|签名/i.test(text)) return credentials('signature-wrong');
  if (/whitelist|白名单|\bip\b/i.test(text)) return credentials('ip-not-allowed');
  return credentials('robot-refuses');
}
