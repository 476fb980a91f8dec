import { describe, expect, it } from '@jest/globals';
import { demoRobots } from './demo-content.js';
import { movedTo, sandboxRobot } from './sandbox-robot.js';

describe('sandboxRobot', () => {
  it.each([
    ['dingtalk', { url: 'https://oapi.dingtalk.com/robot/send?access_token=t1', secret: 'SEC1' }, 't1', 'SEC1'],
    ['wecom', { url: 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=k-1' }, 'k-1', undefined],
    ['lark', { url: 'https://open.feishu.cn/open-apis/bot/v2/hook/h-1', secret: 's' }, 'h-1', 's'],
    ['slack', { url: 'https://hooks.slack.com/services/T1/B1/x' }, 'T1/B1/x', undefined],
    ['slack', { botToken: 'xoxb-1', channel: '#ops' }, 'xoxb-1', undefined],
    ['webhook', { url: 'http://127.0.0.1:3010/webhook/w1', secrets: ['whsec_new', 'whsec_old'] }, 'w1', 'whsec_new'],
  ] as const)('%s %j', (platform, config, token, secret) => {
    const robot = sandboxRobot(platform, 'Ours', config);
    expect(robot).toMatchObject({ platform, name: 'Ours', token });
    expect(robot?.secret).toBe(secret);
  });

  it.each([
    ['dingtalk', { url: 'https://oapi.dingtalk.com/robot/send' }],
    ['webhook', { url: 'https://example.com/hooks' }],
    ['lark', { url: 'not a URL' }],
    ['wecom', {}],
  ] as const)('knows none by %s %j', (platform, config) => {
    expect(sandboxRobot(platform, 'Ours', config)).toBeNull();
  });

  it('knows each robot of the demonstration', () => {
    for (const { platform, name, make } of demoRobots) {
      expect(sandboxRobot(platform, name, make('http://127.0.0.1:3010'))?.token).toBeTruthy();
    }
  });
});

describe('movedTo', () => {
  it.each([
    ['http://127.0.0.1:3010/webhook/w', 'http://127.0.0.1:4010/webhook/w'],
    ['http://127.0.0.1:4010/webhook/w', null],
    ['https://example.com/webhook/w', null],
    ['http://127.0.0.1:3010/elsewhere', null],
    [undefined, null],
  ])('%s', (url, expected) => {
    expect(movedTo('http://127.0.0.1:4010', url)).toBe(expected);
  });
});
