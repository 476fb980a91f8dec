import { describe, expect, it } from '@jest/globals';
import { categories, categoryPolicy, DESTINATION_FAILING, findSubtype, publicSubtypes, subtypes } from './catalogue.js';
import { atLeast, higherSeverity, laneFor, lanes, severities } from './lanes.js';

/** Code, English, Chinese, the cloud's own code, recommended recipients, lane, marketing. */
const categoryTable = `
  account | Account Message | 账号资金消息 | AccountExpenses | finance | normal | no
  product | Product Messages | 产品消息 | ProductMessage | operations, business owner | normal | no
  security | Security Messages | 安全消息 | SecurityMessage | security engineers, SRE | urgent | no
  exception | Exception Messages | 故障消息 | FaultMessage | operations, business owner | urgent | no
  activity | Activity Messages | 活动消息 | ActivityMessage | operations, business owner | bulk | yes
  service | Service Messages | 服务消息 | ServiceMessage | finance or operations, per subtype | normal | no
`;

/** Code, recipients, inbox e-mail webhook (R required, B banned, 1 on, 0 off), severity. */
const subtypeTable = `
  account_balance_low | finance | R R 0 | warning
  account_credit_insufficient | finance | R R 0 | warning
  account_refund | finance | R 1 0 | info
  account_payment_received | finance | R 1 0 | info
  account_coupon | finance | R 0 0 | info
  prod_expiration | operations, owner | R 1 0 | warning
  prod_overdue_release | operations, owner, finance | R R 0 | critical
  prod_renewal_result | operations, finance | R 1 0 | info
  prod_created_activated | operations | R 0 0 | info
  prod_edu_content | operations | 1 0 0 | info
  prod_spec_change | operations, owner | R 1 0 | warning
  prod_quota_warning | operations | R 1 0 | warning
  sec_cloud_security | security | R 1 0 | warning
  sec_violation | security, owner | R R 0 | critical
  sec_account_security | security | R R 0 | critical
  sec_vuln_advisory | security | R 1 0 | warning
  exc_ecs_fault | operations | R 1 0 | critical
  exc_apsaradb_ops | operations | R 1 0 | warning
  exc_cloudmonitor | operations | R 1 0 | warning
  exc_log_alarm | operations | R R 0 | warning
  exc_network_fault | operations | R 1 0 | critical
  exc_change_maintenance | operations | R 1 0 | info
  exc_recovered | operations | R 1 0 | info
  act_promotion | owner | 1 0 B | info
  act_new_product | owner | 1 0 0 | info
  act_commercialization | owner, finance | 1 0 0 | info
  act_event_training | owner | 1 0 B | info
  svc_contract | finance | R 1 0 | info
  svc_bill | finance | R 1 0 | info
  svc_invoice | finance | R 1 0 | info
  svc_ticket | operations | R 1 0 | info
  svc_filing | operations, legal | R 1 0 | warning
  svc_terms_legal | legal, owner | R R B | info
  svc_suspension | owner, finance | R R 1 | critical
`;

const rows = (table: string) =>
  table
    .trim()
    .split('\n')
    .map((line) => line.split('|').map((cell) => cell.trim()));
const states: Readonly<Record<string, number>> = { R: -1, B: -2, '1': 1, '0': 0 };
const prefixes: Readonly<Record<string, string>> = {
  account: 'account',
  prod: 'product',
  sec: 'security',
  exc: 'exception',
  act: 'activity',
  svc: 'service',
};
const roleWords: Readonly<Record<string, readonly string[]>> = {
  finance: ['finance'],
  'operations, business owner': ['operations', 'owner'],
  'security engineers, SRE': ['security'],
  'finance or operations, per subtype': ['finance', 'operations'],
};

describe('the catalogue', () => {
  it('has the six categories, cell for cell', () => {
    const found = categories.map(({ code, names, aliyunCode, recommendedFor, lane, marketing }) => ({
      code,
      names,
      aliyunCode,
      recommendedFor,
      lane,
      marketing,
    }));
    expect(found).toEqual(
      rows(categoryTable).map(([code, english, chinese, aliyunCode, roles, lane, marketing]) => ({
        code,
        names: { 'en-US': english, 'zh-CN': chinese },
        aliyunCode,
        recommendedFor: roleWords[roles!],
        lane,
        marketing: marketing === 'yes',
      })),
    );
    expect(found).toHaveLength(6);
  });

  it('has the 34 subtypes, cell for cell', () => {
    const found = publicSubtypes.map(({ code, category, recommendedFor, policy, severity }) => ({
      code,
      category,
      recommendedFor,
      policy,
      severity,
    }));
    expect(found).toEqual(
      rows(subtypeTable).map(([code, roles, policy, severity]) => {
        const [inbox, email, webhook] = policy!.split(' ').map((letter) => states[letter]);
        const category = prefixes[code!.split('_')[0]!];
        return { code, category, recommendedFor: roles!.split(', '), policy: { inbox, email, webhook }, severity };
      }),
    );
    expect(found).toHaveLength(34);
  });

  it('has one of Herald’s own, which no producer posts', () => {
    expect(subtypes.filter(({ hidden }) => hidden).map(({ code }) => code)).toEqual([DESTINATION_FAILING]);
    expect(findSubtype(DESTINATION_FAILING)).toMatchObject({ category: 'service', severity: 'warning', hidden: true });
  });

  it('names everything in both languages, once', () => {
    for (const { code, names, version } of subtypes) {
      expect({ code, chinese: /\p{Script=Han}/u.test(names['zh-CN']) }).toEqual({ code, chinese: true });
      expect(names['en-US']).toMatch(/^[A-Z]/);
      expect(version).toBeGreaterThanOrEqual(1);
    }
    expect(new Set(subtypes.map(({ code }) => code)).size).toBe(subtypes.length);
  });

  it('shows a category as required or banned only where all its subtypes agree', () => {
    expect(categoryPolicy('security')).toEqual({ inbox: -1, email: 1, webhook: 0 });
    expect(categoryPolicy('account')).toEqual({ inbox: -1, email: 1, webhook: 0 });
    expect(categoryPolicy('activity')).toEqual({ inbox: 1, email: 0, webhook: 0 });
  });
});

describe('lanes and severities', () => {
  it.each(lanes)('critical is urgent, else the category’s lane: %s', (lane) => {
    expect(severities.map((severity) => laneFor(lane, severity))).toEqual([lane, lane, 'urgent']);
  });

  it('the higher severity is in force', () => {
    for (const [low, a] of severities.entries()) {
      for (const [high, b] of severities.entries()) {
        expect(atLeast(a, b)).toBe(low >= high);
        expect(higherSeverity(a, b)).toBe(severities[Math.max(low, high)]);
      }
    }
  });
});
