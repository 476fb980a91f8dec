import { describe, expect, it } from '@jest/globals';
import { describeError, withoutAddresses } from './logger.js';

const SECRET = 'pl4nted-s3cret';

describe('describeError', () => {
  it.each([
    `connect to postgres://herald:${SECRET}@db:5432/herald failed`,
    `postgres://herald:a@${SECRET}@db/herald`,
    `redis://:${SECRET}@cache:6379/0`,
    `POST https://oapi.dingtalk.com/robot/send?access_token=${SECRET} answered 500`,
    `"https://hooks.slack.com/services/T0/B0/${SECRET}"`,
    `(https://open.feishu.cn/open-apis/bot/v2/hook/${SECRET})`,
    `smtps://user:${SECRET}@mail.example.com`,
    `HTTPS://EXAMPLE.COM/${SECRET}`,
  ])('leaves of an address its origin: %s', (text) => {
    const error = new Error(text, { cause: new Error(text, { cause: text }) });
    expect(JSON.stringify(describeError(error))).not.toContain(SECRET);
    expect(JSON.stringify(describeError(text))).not.toContain(SECRET);
  });

  it('keeps what helps: type, code, origin, and the files of the stack', () => {
    const cause = Object.assign(new TypeError('fetch https://example.com:8443/a?b failed'), { code: 'ECONNRESET' });
    const described = describeError(new RangeError('outer', { cause })) as { stack: string; cause: object };
    expect(described).toMatchObject({ type: 'RangeError', message: 'outer' });
    expect(described.cause).toMatchObject({
      type: 'TypeError',
      code: 'ECONNRESET',
      message: 'fetch https://example.com:8443/… failed',
    });
    expect(described.stack).toContain('logger.spec');
    expect(withoutAddresses('at file:///app/dist/main.js:1:2')).toBe('at file:///app/dist/main.js:1:2');
  });
});
