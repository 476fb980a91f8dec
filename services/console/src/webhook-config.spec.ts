import { makeRegistry } from '@herald/channels';
import type { WebhookPlatform } from '@herald/contracts';
import { describe, expect, it } from '@jest/globals';
import { changedConfig, type Entered, newConfig, rotatedConfig } from './webhook-config.js';

const registry = makeRegistry({ allow: [], origins: {}, mailFrom: { name: 'Herald', address: 'herald@example.com' } });
const enter = (platform: WebhookPlatform, entered: Entered) => newConfig(platform, registry[platform].config, entered);
const change = (platform: WebhookPlatform, current: object, patch: object) =>
  changedConfig(platform, registry[platform].config, current as never, patch);

const dingtalk = 'https://oapi.dingtalk.com/robot/send?access_token=0123456789abcdef';
const slack = 'https://hooks.slack.com/services/T1/B1/abc';

describe('what people enter for a webhook', () => {
  it.each([
    ['dingtalk', { url: dingtalk, secret: 'SEC1', keywords: ['Herald'] }],
    ['wecom', { url: 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=6f1f4c0e-1d5b-4d0a-9a57-8f2b6a3c7e10' }],
    ['lark', { url: 'https://open.feishu.cn/open-apis/bot/v2/hook/6f1f4c0e-1d5b-4d0a-9a57-8f2b6a3c7e10', secret: 's' }],
    ['lark', { url: 'https://open.larksuite.com/open-apis/bot/v2/hook/6f1f4c0e-1d5b-4d0a-9a57-8f2b6a3c7e10' }],
    ['slack', { url: slack }],
    ['slack', { botToken: 'xoxb-1-2-abc', channel: '#ops' }],
    ['webhook', { url: 'https://example.com:8443/hook?x=1' }],
    ['wecom', { url: 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=1', keywords: [] }],
  ] as [WebhookPlatform, Entered][])('is taken for %s: %j', (platform, entered) => {
    const { keywords, ...others } = entered;
    expect(enter(platform, entered).config).toMatchObject(keywords?.length ? entered : others);
  });

  it.each([
    ['dingtalk', {}, ['/url']],
    ['dingtalk', { url: 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=1' }, ['/url']],
    ['dingtalk', { url: 'https://oapi.dingtalk.com/robot/send' }, ['/url']],
    ['dingtalk', { url: dingtalk.replace('https', 'http') }, ['/url']],
    ['dingtalk', { url: dingtalk, botToken: 'xoxb-1' }, ['/botToken']],
    ['wecom', { url: 'nonsense', secret: 's' }, ['/secret', '/url']],
    ['slack', { url: 'http://hooks.slack.com/services/T1/B1/abc' }, ['/url']],
    ['slack', { botToken: 'wrong', channel: '#ops' }, ['/botToken']],
    ['slack', { botToken: 'xoxb-1-abc' }, ['/channel']],
    ['slack', { channel: '#ops' }, ['/botToken']],
    ['slack', { url: slack, botToken: 'xoxb-1-abc', channel: '#ops' }, ['/url']],
    ['webhook', {}, ['/url']],
    ['webhook', { url: 'https://user:pass@example.com/x' }, ['/url']],
    ['webhook', { url: 'ftp://example.com/x' }, ['/url']],
    ['webhook', { url: 'http://example.com/x' }, ['/url']],
    ['webhook', { url: 'https://10.0.0.1/x' }, ['/url']],
    ['webhook', { url: 'https://169.254.169.254/latest/meta-data' }, ['/url']],
    ['webhook', { url: 'https://[::ffff:10.0.0.1]/x' }, ['/url']],
    ['webhook', { url: 'https://localhost/x' }, ['/url']],
    ['webhook', { url: 'https://example.com/x', secret: 'short' }, ['/secret']],
    ['webhook', { url: 'https://example.com/x', secret: 'whsec_c2hvcnQ=' }, ['/secret']],
    [
      'webhook',
      { url: 'https://example.com/x', secret: 'whsec_!!!not base64 at all, whatever it says!!!' },
      ['/secret'],
    ],
    ['webhook', { url: 'https://example.com/x', keywords: ['a'] }, ['/keywords']],
  ] as [WebhookPlatform, Entered, string[]][])('is refused for %s: %j at %j', (platform, entered, paths) => {
    const { errors } = enter(platform, entered);
    expect(errors?.map(({ path }) => path).sort()).toEqual(paths);
    for (const { message } of errors!) expect(message).not.toBe('');
  });

  it('gets a signing secret of 256 bits for a custom URL, another one each time', () => {
    const secretOf = () => (enter('webhook', { url: 'https://example.com/x' }).config!['secrets'] as string[])[0]!;
    expect(secretOf()).toMatch(/^whsec_[A-Za-z0-9+/]{43}=$/);
    expect(secretOf()).not.toBe(secretOf());
  });

  it('may bring a signing secret of its own', () => {
    const secret = `whsec_${Buffer.alloc(24, 7).toString('base64')}`;
    expect(enter('webhook', { url: 'https://example.com/x', secret }).config).toMatchObject({ secrets: [secret] });
  });
});

describe('changing a webhook', () => {
  const secrets = [`whsec_${Buffer.alloc(32, 1).toString('base64')}`];

  it('leaves the configuration alone where nothing of it is given', () => {
    expect(change('dingtalk', { url: dingtalk }, { name: 'Other', status: 'disabled' })).toBeNull();
  });

  it('keeps what is not given', () => {
    const other = dingtalk.replace('0123', 'abcd');
    expect(
      change('dingtalk', { url: dingtalk, secret: 'SEC1', keywords: ['k'] }, { url: other })?.config,
    ).toMatchObject({
      url: other,
      secret: 'SEC1',
      keywords: ['k'],
    });
    expect(
      change('webhook', { url: 'https://example.com/a', secrets }, { url: 'https://example.com/b' })?.config,
    ).toEqual({
      url: 'https://example.com/b',
      secrets,
    });
  });

  it('takes a robot’s secret away with null', () => {
    const { config } = change('dingtalk', { url: dingtalk, secret: 'SEC1' }, { secret: null })!;
    expect(config).not.toHaveProperty('secret');
  });

  it('judges a new address as the first one', () => {
    expect(change('dingtalk', { url: dingtalk }, { url: 'https://example.com' })?.errors).toMatchObject([
      { path: '/url' },
    ]);
  });

  it('lets Slack’s two forms replace each other', () => {
    const bot = { botToken: 'xoxb-1-abc', channel: '#ops' };
    expect(change('slack', { url: slack }, bot)?.config).toEqual(bot);
    expect(change('slack', bot, { url: slack })?.config).toEqual({ url: slack });
    expect(change('slack', bot, { channel: '#other' })?.config).toEqual({ ...bot, channel: '#other' });
  });

  it('sends a custom URL’s secret to rotate-secret', () => {
    const patch = { secret: secrets[0] };
    expect(change('webhook', { url: 'https://example.com/a', secrets }, patch)?.errors).toMatchObject([
      { path: '/secret' },
    ]);
  });
});

describe('rotating a secret', () => {
  it('ends with the former one signing no more', async () => {
    const [one, two] = [1, 2].map((byte) => `whsec_${Buffer.alloc(32, byte).toString('base64')}`);
    const current = { url: 'https://example.com/a', secrets: [one!] };
    const rotatedAt = new Date('2026-11-24T08:00:00Z');
    const config = registry.webhook.config.parse(rotatedConfig(current, two!, rotatedAt));
    const signaturesAt = async (hours: number) => {
      let header = '';
      const request = async ({ headers }: { headers: Record<string, string> }) => {
        header = headers['webhook-signature']!;
        return { status: 200, headers: {}, text: '' };
      };
      const now = () => new Date(rotatedAt.getTime() + hours * 3_600_000);
      const io = { http: { request }, mail: null, now, signal: new AbortController().signal };
      await registry.webhook.send('{}', config, io as never, { deliveryId: 'delivery-1' } as never);
      return header.split(' ').length;
    };
    expect([await signaturesAt(0), await signaturesAt(23.9), await signaturesAt(24)]).toEqual([2, 2, 1]);
  });

  const url = 'https://example.com/a';
  const now = new Date('2026-11-24T08:00:00Z');
  const hours = (count: number) => new Date(now.getTime() + count * 3_600_000);

  it('lets the former one sign for 24 hours more', () => {
    expect(rotatedConfig({ url, secrets: ['one'] }, 'two', now)).toEqual({
      url,
      secrets: ['two'],
      retiring: [{ secret: 'one', until: hours(24).toISOString() }],
    });
  });

  it('keeps each former one for its own time, and not longer', () => {
    const second = rotatedConfig({ url, secrets: ['one'] }, 'two', now);
    const third = rotatedConfig(second, 'three', hours(1));
    expect(third['retiring']).toEqual([
      { secret: 'two', until: hours(25).toISOString() },
      { secret: 'one', until: hours(24).toISOString() },
    ]);
    expect(rotatedConfig(third, 'four', hours(24.5))['retiring']).toEqual([
      { secret: 'three', until: hours(48.5).toISOString() },
      { secret: 'two', until: hours(25).toISOString() },
    ]);
  });
});
