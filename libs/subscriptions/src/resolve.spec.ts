/** Every reason and precedence of domain.md, one row each. */
import { BANNED, type Content, type Decision, findSubtype, OFF, ON, REQUIRED, type Severity } from '@herald/contracts';
import { describe, expect, it } from '@jest/globals';
import {
  type AccountSettings,
  defaultRules,
  type KnownRecipient,
  type KnownWebhook,
  type Setting,
} from './account-settings.js';
import { resolve } from './resolve.js';

const recipient = (id: string, more: Partial<KnownRecipient> = {}): KnownRecipient =>
  ({
    id,
    destinationId: `d-${id}`,
    name: `Name of ${id}`,
    isVerified: true,
    isOptedOut: false,
    ...more,
  }) as KnownRecipient;
const webhook = (id: string, more: Partial<KnownWebhook> = {}): KnownWebhook =>
  ({ id, name: `Name of ${id}`, platform: 'webhook', isDisabled: false, ...more }) as KnownWebhook;

const content: Content = {
  locale: 'en-US',
  title: 'Invoice of October',
  body: 'Total: 12 EUR',
  translations: { 'zh-CN': { title: '十月账单', body: '合计 ÄÖ' } },
  links: [],
  product: null,
  region: null,
  resourceIds: [],
  labels: {},
  dedupKey: null,
};

const setting = (more: Partial<Setting> = {}): Setting => ({
  channels: { inbox: ON, email: ON, webhook: ON },
  recipientIds: null,
  webhookIds: [],
  rules: defaultRules,
  ...more,
});

const account = (settings: Record<string, Setting> = {}, more: Partial<AccountSettings> = {}): AccountSettings =>
  ({
    id: 'acct-1',
    name: 'One',
    locale: 'en-US',
    createdAt: new Date(0),
    defaultRecipientId: 'owner',
    recipients: [
      recipient('owner'),
      recipient('ops'),
      recipient('new', { isVerified: false }),
      recipient('tired', { isOptedOut: true }),
    ],
    webhooks: [webhook('w1'), webhook('w2', { platform: 'slack' }), webhook('off', { isDisabled: true })],
    settings,
    ...more,
  }) as AccountSettings;

/** `channel id: send` or `channel id: REASON`. */
const told = ({ channel, destinationId, decision, reason }: Decision) =>
  `${channel} ${destinationId ?? '-'}: ${decision === 'send' ? 'send' : reason}`;

function decide(code: string, of: AccountSettings, severity: Severity = 'info', said: Partial<Content> = {}) {
  return resolve({ subtype: findSubtype(code)!, severity, content: { ...content, ...said } }, of);
}
const lines = (...parameters: Parameters<typeof decide>) => decide(...parameters).decisions.map(told);

describe('who gets what', () => {
  describe('by the catalogue, where the account decided nothing', () => {
    // biome-ignore format: a table
    it.each<[string, string[]]>([
      ['svc_bill', ['inbox -: send', 'email d-owner: send', 'webhook -: CHANNEL_OFF']],
      ['account_coupon', ['inbox -: send', 'email d-owner: CHANNEL_OFF', 'webhook -: CHANNEL_OFF']],
      ['act_promotion', ['inbox -: send', 'email d-owner: CHANNEL_OFF', 'webhook -: CHANNEL_BANNED']],
      ['svc_suspension', ['inbox -: send', 'email d-owner: send', 'webhook -: NO_RECIPIENT']],
      ['herald_destination_failing', ['inbox -: send', 'email d-owner: CHANNEL_BANNED', 'webhook -: CHANNEL_BANNED']],
    ])('%s', (code, expected) => {
      expect(lines(code, account())).toEqual(expected);
    });
  });

  describe('by the account’s setting', () => {
    it('the inbox first, then recipients and webhooks in the order of their lists', () => {
      const of = account({ svc_bill: setting({ recipientIds: ['ops', 'owner'], webhookIds: ['w2', 'w1'] }) });
      expect(lines('svc_bill', of)).toEqual([
        'inbox -: send',
        'email d-ops: send',
        'email d-owner: send',
        'slack w2: send',
        'webhook w1: send',
      ]);
      expect(decide('svc_bill', of).decisions.map(({ label }) => label)).toEqual([
        '',
        'Name of ops',
        'Name of owner',
        'Name of w2',
        'Name of w1',
      ]);
    });

    it('a category’s holds for each of its subtypes that has none of its own', () => {
      const of = account({
        service: setting({ webhookIds: ['w1'] }),
        svc_invoice: setting({ channels: { inbox: ON, email: OFF, webhook: OFF } }),
      });
      expect(lines('svc_bill', of)).toContain('webhook w1: send');
      expect(lines('svc_invoice', of)).toEqual([
        'inbox -: send',
        'email d-owner: CHANNEL_OFF',
        'webhook -: CHANNEL_OFF',
      ]);
      expect(lines('exc_recovered', of)).toContain('webhook -: CHANNEL_OFF');
    });

    it('REQUIRED and BANNED stand, whatever it says', () => {
      const channels = { inbox: OFF, email: OFF, webhook: ON } as const;
      expect(lines('svc_terms_legal', account({ svc_terms_legal: setting({ channels, webhookIds: ['w1'] }) }))).toEqual(
        ['inbox -: send', 'email d-owner: send', 'webhook w1: CHANNEL_BANNED'],
      );
    });

    it('a category’s REQUIRED or BANNED leaves a subtype its choice', () => {
      const channels = { inbox: REQUIRED, email: REQUIRED, webhook: BANNED } as const;
      const of = account({
        activity: setting({ channels, webhookIds: ['w1'], rules: { ...defaultRules, minimumSeverity: 'critical' } }),
      });
      expect(lines('act_new_product', of)).toEqual([
        'inbox -: send',
        'email d-owner: BELOW_SEVERITY',
        'webhook w1: CHANNEL_OFF',
      ]);
    });

    it('an inbox that is off hides the message and nothing else', () => {
      const { hidden, decisions } = decide(
        'act_new_product',
        account({ act_new_product: setting({ channels: { inbox: OFF, email: ON, webhook: OFF } }) }),
      );
      expect(hidden).toBe(true);
      expect(decisions.map(told)).toEqual(['inbox -: CHANNEL_OFF', 'email d-owner: send', 'webhook -: CHANNEL_OFF']);
      expect(decide('act_new_product', account()).hidden).toBe(false);
    });
  });

  describe('recipients', () => {
    // biome-ignore format: a table
    it.each<[string, string, readonly string[] | null, Partial<AccountSettings>, string[]]>([
      ['none listed: the default one', 'svc_bill', null, {}, ['email d-owner: send']],
      ['none listed, no default', 'svc_bill', null, { defaultRecipientId: null }, ['email -: NO_RECIPIENT']],
      ['an empty list', 'svc_bill', [], {}, ['email -: NO_RECIPIENT']],
      ['a list of those who are gone', 'svc_bill', ['gone'], {}, ['email -: NO_RECIPIENT']],
      ['an empty list where it is REQUIRED: the default one', 'sec_violation', [], {}, ['email d-owner: send']],
      ['those who are gone, REQUIRED: the default one', 'sec_violation', ['gone'], {}, ['email d-owner: send']],
      ['REQUIRED, and no default', 'sec_violation', [], { defaultRecipientId: null }, ['email -: NO_RECIPIENT']],
      ['one who isn’t verified', 'svc_bill', ['new', 'ops'], {}, ['email d-new: UNVERIFIED', 'email d-ops: send']],
      ['one who isn’t verified, REQUIRED', 'sec_violation', ['new'], {}, ['email d-new: UNVERIFIED']],
      ['one who opted out', 'svc_bill', ['tired'], {}, ['email d-tired: OPTED_OUT']],
      ['one who opted out, REQUIRED', 'sec_violation', ['tired'], {}, ['email d-tired: send']],
      ['neither verified nor willing', 'svc_bill', ['x'], { recipients: [recipient('x', { isVerified: false, isOptedOut: true })] }, ['email d-x: UNVERIFIED']],
      ['the same one twice', 'svc_bill', ['ops', 'ops'], {}, ['email d-ops: send']],
    ])('%s', (_, code, recipientIds, more, expected) => {
      const mails = lines(code, account({ [code]: setting({ recipientIds, channels: { inbox: ON, email: ON, webhook: OFF } }) }, more));
      expect(mails.filter((line) => line.startsWith('email'))).toEqual(expected);
    });

    it('the same address twice is one delivery: whoever of the two may be sent to', () => {
      const shared = { destinationId: 'd-shared' as KnownRecipient['destinationId'] };
      const recipients = [
        recipient('a', { ...shared, isOptedOut: true }),
        recipient('ops'),
        recipient('b', shared),
        recipient('c', { ...shared, isVerified: false }),
      ];
      const of = (recipientIds: string[]) =>
        account(
          { svc_bill: setting({ recipientIds, channels: { inbox: ON, email: ON, webhook: OFF } }) },
          { recipients },
        );
      const mails = (ids: string[]) =>
        decide('svc_bill', of(ids)).decisions.filter(({ channel }) => channel === 'email');
      expect(mails(['a', 'ops', 'b', 'c']).map(told)).toEqual(['email d-shared: send', 'email d-ops: send']);
      expect(mails(['a', 'ops', 'b', 'c'])[0]!.label).toBe('Name of b');
      expect(mails(['b', 'a'])[0]!.label).toBe('Name of b');
      expect(mails(['a', 'c']).map(told)).toEqual(['email d-shared: OPTED_OUT']);
    });
  });

  describe('webhooks', () => {
    it('that are disabled or gone are not sent to', () => {
      expect(
        lines('svc_bill', account({ svc_bill: setting({ webhookIds: ['off', 'gone', 'w1', 'w1'] }) })).slice(2),
      ).toEqual(['webhook off: WEBHOOK_DISABLED', 'webhook w1: send']);
      expect(lines('svc_bill', account({ svc_bill: setting({ webhookIds: ['gone'] }) })).slice(2)).toEqual([
        'webhook -: NO_RECIPIENT',
      ]);
    });

    it('of a channel that is off are named with that reason', () => {
      const channels = { inbox: ON, email: ON, webhook: OFF } as const;
      expect(
        lines('svc_bill', account({ svc_bill: setting({ channels, webhookIds: ['w1', 'off'] }) })).slice(2),
      ).toEqual(['webhook w1: CHANNEL_OFF', 'webhook off: CHANNEL_OFF']);
    });
  });

  describe('rules', () => {
    const rules = (more: Partial<typeof defaultRules>) => ({ ...defaultRules, ...more });
    // biome-ignore format: a table
    it.each<[string, Partial<typeof defaultRules>, Severity, string | null]>([
      ['below the least severity', { minimumSeverity: 'warning' }, 'info', 'BELOW_SEVERITY'],
      ['at the least severity', { minimumSeverity: 'warning' }, 'warning', null],
      ['above the least severity', { minimumSeverity: 'warning' }, 'critical', null],
      ['a word of the blacklist', { excludeKeywords: ['nothing', 'october'] }, 'info', 'KEYWORD_BLACKLIST'],
      ['a word of the blacklist in the body', { excludeKeywords: ['EUR'] }, 'info', 'KEYWORD_BLACKLIST'],
      ['part of a word', { excludeKeywords: ['octo'] }, 'info', 'KEYWORD_BLACKLIST'],
      ['a word in a translation', { excludeKeywords: ['账单'] }, 'info', 'KEYWORD_BLACKLIST'],
      ['a word in a translation’s body, in another case', { excludeKeywords: ['äö'] }, 'info', 'KEYWORD_BLACKLIST'],
      ['no word of the blacklist', { excludeKeywords: ['november'] }, 'info', null],
      ['no word of the whitelist', { includeKeywords: ['november'] }, 'info', 'KEYWORD_NOT_WHITELISTED'],
      ['a word of the whitelist', { includeKeywords: ['november', 'OCTOBER'] }, 'info', null],
      ['both lists: the blacklist wins', { includeKeywords: ['october'], excludeKeywords: ['invoice'] }, 'info', 'KEYWORD_BLACKLIST'],
      ['severity before words', { minimumSeverity: 'critical', excludeKeywords: ['invoice'] }, 'info', 'BELOW_SEVERITY'],
    ])('%s', (_, given, severity, reason) => {
      const of = account({ svc_bill: setting({ webhookIds: ['w1'], rules: rules(given) }) });
      const outcome = reason ?? 'send';
      expect(lines('svc_bill', of, severity)).toEqual(['inbox -: send', `email d-owner: ${outcome}`, `webhook w1: ${outcome}`]);
    });

    it('never apply to what is REQUIRED, nor to the inbox', () => {
      const strict = rules({
        minimumSeverity: 'critical',
        excludeKeywords: ['invoice'],
        includeKeywords: ['november'],
      });
      expect(
        lines(
          'account_balance_low',
          account({ account_balance_low: setting({ webhookIds: ['w1'], rules: strict }) }),
          'warning',
        ),
      ).toEqual(['inbox -: send', 'email d-owner: send', 'webhook w1: BELOW_SEVERITY']);
      expect(lines('act_new_product', account({ act_new_product: setting({ rules: strict }) }))[0]).toBe(
        'inbox -: send',
      );
    });

    it('come after a channel that is off, and before the state of a destination', () => {
      const strict = rules({ excludeKeywords: ['invoice'] });
      const off = account({
        svc_bill: setting({
          channels: { inbox: ON, email: OFF, webhook: ON },
          recipientIds: ['new'],
          webhookIds: ['off'],
          rules: strict,
        }),
      });
      expect(lines('svc_bill', off)).toEqual([
        'inbox -: send',
        'email d-new: CHANNEL_OFF',
        'webhook off: KEYWORD_BLACKLIST',
      ]);
    });
  });
});
