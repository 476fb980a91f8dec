import { readdirSync, readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { adviceIn, adviceKeys } from './advice.js';
import { urlFault } from './provider-url.js';

const none = { allow: [], origins: {} };
const inside = { allow: ['10.0.0.0/8'], origins: {} };
const local = { allow: ['127.0.0.0/8'], origins: {} };

describe('an address', () => {
  it.each([
    ['dingtalk', 'https://oapi.dingtalk.com/robot/send?access_token=1', none],
    ['wecom', 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=1', none],
    ['lark', 'https://open.feishu.cn/open-apis/bot/v2/hook/1-a', none],
    ['slack', 'https://hooks.slack.com/services/T/B/x', none],
    ['slack', 'http://127.0.0.1:9/services/T/B/x', { allow: [], origins: { slack: 'http://127.0.0.1:9/' } }],
    ['webhook', 'https://example.com:8443/a?b=c', none],
    ['webhook', 'https://8.8.8.8/', none],
    ['webhook', 'http://10.1.2.3:8080/', inside],
    ['webhook', 'https://10.1.2.3/', inside],
    ['webhook', 'http://hooks/', inside],
    ['webhook', 'http://hooks.team.svc.cluster.local/', inside],
    ['webhook', 'http://hooks.corp.internal/', inside],
    ['webhook', 'http://localhost:3000/', local],
  ] as const)('of %s may be %s', (platform, url, rules) => {
    expect(urlFault(platform, url, rules)).toBeNull();
  });

  it.each([
    ['webhook', 'example.com/x', none, 'expected a URL'],
    ['webhook', 'ftp://example.com/', none, 'expected https, got ftp'],
    ['webhook', 'https://a:b@example.com/', none, 'user info'],
    ['webhook', 'https://example.com/#x', none, 'fragment'],
    ['webhook', 'http://example.com/', none, 'expected https'],
    ['webhook', 'http://example.com/', inside, 'expected https'],
    ['webhook', 'http://8.8.8.8/', inside, 'expected https'],
    ['webhook', 'https://127.1/', none, 'private'],
    ['webhook', 'https://[::1]/', inside, 'private'],
    ['webhook', 'https://169.254.169.254/latest', none, 'private'],
    ['webhook', 'https://localhost/', none, 'local name'],
    ['webhook', 'https://localhost/', inside, 'local name'],
    ['webhook', 'https://x.internal/', none, 'local name'],
    ['dingtalk', 'http://oapi.dingtalk.com/robot/send?access_token=1', none, 'expected https, such as'],
    [
      'dingtalk',
      'https://oapi.dingtalk.com.evil.example/robot/send?access_token=1',
      none,
      'expected an address of dingtalk',
    ],
    ['dingtalk', 'https://oapi.dingtalk.com:444/robot/send?access_token=1', none, 'expected an address of dingtalk'],
    ['dingtalk', 'https://oapi.dingtalk.com/robot/send', none, 'access_token is missing'],
    ['dingtalk', 'https://oapi.dingtalk.com/robot/other?access_token=1', none, 'the path'],
    ['wecom', 'https://oapi.dingtalk.com/robot/send?access_token=1', none, 'expected an address of wecom'],
    ['lark', 'https://open.feishu.cn/open-apis/bot/hook/1', none, 'the path'],
    ['slack', 'https://hooks.slack.com/triggers/T/1/x', none, 'the path'],
  ] as const)('of %s may not be %s', (platform, url, rules, fault) => {
    expect(urlFault(platform, url, rules)).toContain(fault);
  });
});

describe('advice', () => {
  const sources = readdirSync(new URL('.', import.meta.url), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.ts') && !name.endsWith('.spec.ts'))
    .map((name) => readFileSync(new URL(name, import.meta.url), 'utf8'))
    .join('\n');

  it('is there in both languages for every failure that names it', () => {
    for (const key of adviceKeys) {
      expect(adviceIn('en-US', key)).toMatch(/\.$/);
      expect(adviceIn('zh-CN', key)).toMatch(/。$/);
    }
    for (const [, key] of sources.matchAll(/advice: '([a-z-]+)'/g)) expect(adviceKeys).toContain(key);
  });
});
