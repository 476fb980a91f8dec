/** What the demonstration consists of: one account, its people and robots, and a producer. */
import { randomBytes, randomUUID } from 'node:crypto';
import type { AccountId, RecipientBody, WebhookPlatform } from '@herald/contracts';

export const DEMO_ACCOUNT = 'demo' as AccountId;
export const DEMO_PRODUCER = 'Demo producer';

export const demoOwner = { name: 'Olive Owner', email: 'olive@demo.example.com' };

export const demoRecipients: readonly RecipientBody[] = [
  {
    name: 'Sam Security',
    title: 'security',
    email: 'sam@demo.example.com',
    locale: 'en-US',
    timeZone: 'Europe/Berlin',
  },
  {
    name: '陈梅',
    title: 'maintenance-director',
    email: 'mei@demo.example.com',
    locale: 'zh-CN',
    timeZone: 'Asia/Shanghai',
  },
];

/** Categories of which the demo's robots hear, and who gets their mails. */
export const demoScopes: readonly { readonly scope: string; readonly recipients: readonly string[] }[] = [
  { scope: 'security', recipients: ['olive@demo.example.com', 'sam@demo.example.com'] },
  { scope: 'exception', recipients: ['olive@demo.example.com', 'mei@demo.example.com'] },
];

export interface DemoRobot {
  readonly platform: WebhookPlatform;
  readonly name: string;
  /** With new tokens and secrets at each call, in the form of the platform's own. */
  make(sandboxUrl: string): Record<string, unknown>;
}

const hex = (bytes: number) => randomBytes(bytes).toString('hex');
const capitals = (bytes: number) => hex(bytes).toUpperCase();

export const demoRobots: readonly DemoRobot[] = [
  {
    platform: 'dingtalk',
    name: 'Operations on DingTalk',
    make: () => ({ url: `https://oapi.dingtalk.com/robot/send?access_token=${hex(32)}`, secret: `SEC${hex(32)}` }),
  },
  {
    platform: 'wecom',
    name: 'Operations on WeCom',
    make: () => ({ url: `https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=${randomUUID()}` }),
  },
  {
    platform: 'lark',
    name: 'Operations on Lark',
    make: () => ({ url: `https://open.feishu.cn/open-apis/bot/v2/hook/${randomUUID()}`, secret: hex(11) }),
  },
  {
    platform: 'slack',
    name: 'Operations on Slack',
    make: () => ({ url: `https://hooks.slack.com/services/T${capitals(4)}/B${capitals(5)}/${hex(12)}` }),
  },
  {
    platform: 'webhook',
    name: 'Operations’ receiver',
    make: (sandboxUrl) => ({
      url: `${sandboxUrl}/webhook/${hex(6)}`,
      secrets: [`whsec_${randomBytes(32).toString('base64')}`],
    }),
  },
];
