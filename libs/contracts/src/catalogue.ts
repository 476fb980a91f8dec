/**
 * The message categories and their message types: data with a version, not an enum in code. Source: domain.md's tables.
 * `aliyunCode` is the code that cloud's public API uses.
 */
import { BANNED, type ChannelState, OFF, ON, type PolicyChannel, REQUIRED } from './channels.js';
import type { Locale } from './content.js';
import type { Lane, Severity } from './lanes.js';

export type Role = 'finance' | 'operations' | 'owner' | 'security' | 'legal';

export interface Category {
  readonly code: string;
  readonly aliyunCode: string;
  readonly names: Readonly<Record<Locale, string>>;
  readonly recommendedFor: readonly Role[];
  readonly lane: Lane;
  readonly marketing: boolean;
}

export interface Subtype {
  readonly code: string;
  readonly category: string;
  readonly names: Readonly<Record<Locale, string>>;
  readonly policy: Readonly<Record<PolicyChannel, ChannelState>>;
  readonly severity: Severity;
  readonly recommendedFor: readonly Role[];
  readonly version: number;
  readonly deprecatedAt: string | null;
  readonly replacedBy: string | null;
  /** Herald's own: producers may not post it and settings don't list it. */
  readonly hidden: boolean;
}

const category = (
  code: string,
  aliyunCode: string,
  english: string,
  chinese: string,
  recommendedFor: readonly Role[],
  lane: Lane,
  marketing = false,
): Category => ({ code, aliyunCode, names: { 'en-US': english, 'zh-CN': chinese }, recommendedFor, lane, marketing });

const subtype = (
  of: string,
  code: string,
  english: string,
  chinese: string,
  recommendedFor: readonly Role[],
  [inbox, email, webhook]: readonly [ChannelState, ChannelState, ChannelState],
  severity: Severity,
  hidden = false,
): Subtype => ({
  code,
  category: of,
  names: { 'en-US': english, 'zh-CN': chinese },
  policy: { inbox, email, webhook },
  severity,
  recommendedFor,
  version: 1,
  deprecatedAt: null,
  replacedBy: null,
  hidden,
});

// biome-ignore format: a table
export const categories: readonly Category[] = [
  category('account', 'AccountExpenses', 'Account Message', '账号资金消息', ['finance'], 'normal'),
  category('product', 'ProductMessage', 'Product Messages', '产品消息', ['operations', 'owner'], 'normal'),
  category('security', 'SecurityMessage', 'Security Messages', '安全消息', ['security'], 'urgent'),
  category('exception', 'FaultMessage', 'Exception Messages', '故障消息', ['operations', 'owner'], 'urgent'),
  category('activity', 'ActivityMessage', 'Activity Messages', '活动消息', ['operations', 'owner'], 'bulk', true),
  category('service', 'ServiceMessage', 'Service Messages', '服务消息', ['finance', 'operations'], 'normal'),
];

/** A webhook that keeps failing tells its account in the inbox (domain.md, failing for 120 h). */
export const DESTINATION_FAILING = 'herald_destination_failing';

// biome-ignore format: a table
export const subtypes: readonly Subtype[] = [
  subtype('account', 'account_balance_low', 'Low account balance', '账户余额不足', ['finance'], [REQUIRED, REQUIRED, OFF], 'warning'),
  subtype('account', 'account_credit_insufficient', 'Insufficient credit limit', '信用额度不足', ['finance'], [REQUIRED, REQUIRED, OFF], 'warning'),
  subtype('account', 'account_refund', 'Refund processed', '退款通知', ['finance'], [REQUIRED, ON, OFF], 'info'),
  subtype('account', 'account_payment_received', 'Payment received', '到账通知', ['finance'], [REQUIRED, ON, OFF], 'info'),
  subtype('account', 'account_coupon', 'Coupon granted or expiring', '优惠券发放或到期', ['finance'], [REQUIRED, OFF, OFF], 'info'),
  subtype('product', 'prod_expiration', 'Resource expiration', '资源到期提醒', ['operations', 'owner'], [REQUIRED, ON, OFF], 'warning'),
  subtype('product', 'prod_overdue_release', 'Overdue, suspension, imminent release', '欠费、停机与即将释放', ['operations', 'owner', 'finance'], [REQUIRED, REQUIRED, OFF], 'critical'),
  subtype('product', 'prod_renewal_result', 'Renewal result', '续费结果', ['operations', 'finance'], [REQUIRED, ON, OFF], 'info'),
  subtype('product', 'prod_created_activated', 'Creation and activation', '创建与开通', ['operations'], [REQUIRED, OFF, OFF], 'info'),
  subtype('product', 'prod_edu_content', 'Product educational content', '产品使用指导', ['operations'], [ON, OFF, OFF], 'info'),
  subtype('product', 'prod_spec_change', 'Product change and end of life', '产品变更与下线', ['operations', 'owner'], [REQUIRED, ON, OFF], 'warning'),
  subtype('product', 'prod_quota_warning', 'Quota or plan running out', '配额或套餐即将用尽', ['operations'], [REQUIRED, ON, OFF], 'warning'),
  subtype('security', 'sec_cloud_security', 'Security notice', '云安全通知', ['security'], [REQUIRED, ON, OFF], 'warning'),
  subtype('security', 'sec_violation', 'Violation alert and penalty', '违规预警与处罚', ['security', 'owner'], [REQUIRED, REQUIRED, OFF], 'critical'),
  subtype('security', 'sec_account_security', 'Account security', '账号安全', ['security'], [REQUIRED, REQUIRED, OFF], 'critical'),
  subtype('security', 'sec_vuln_advisory', 'Emergency vulnerability advisory', '应急漏洞公告', ['security'], [REQUIRED, ON, OFF], 'warning'),
  subtype('exception', 'exc_ecs_fault', 'Compute instance failure', '云服务器故障', ['operations'], [REQUIRED, ON, OFF], 'critical'),
  subtype('exception', 'exc_apsaradb_ops', 'Database failure or maintenance', '云数据库故障或运维', ['operations'], [REQUIRED, ON, OFF], 'warning'),
  subtype('exception', 'exc_cloudmonitor', 'Monitoring alert', '云监控告警', ['operations'], [REQUIRED, ON, OFF], 'warning'),
  subtype('exception', 'exc_log_alarm', 'Log service alarm', '日志服务告警', ['operations'], [REQUIRED, REQUIRED, OFF], 'warning'),
  subtype('exception', 'exc_network_fault', 'Network, load balancer or CDN fault', '网络、负载均衡或 CDN 故障', ['operations'], [REQUIRED, ON, OFF], 'critical'),
  subtype('exception', 'exc_change_maintenance', 'Planned change and maintenance', '计划变更与维护', ['operations'], [REQUIRED, ON, OFF], 'info'),
  subtype('exception', 'exc_recovered', 'Fault recovered', '故障恢复', ['operations'], [REQUIRED, ON, OFF], 'info'),
  subtype('activity', 'act_promotion', 'Promotion', '优惠活动', ['owner'], [ON, OFF, BANNED], 'info'),
  subtype('activity', 'act_new_product', 'New product launch', '新产品发布', ['owner'], [ON, OFF, OFF], 'info'),
  subtype('activity', 'act_commercialization', 'Commercialization and price change', '商业化与价格调整', ['owner', 'finance'], [ON, OFF, OFF], 'info'),
  subtype('activity', 'act_event_training', 'Events and training', '活动与培训', ['owner'], [ON, OFF, BANNED], 'info'),
  subtype('service', 'svc_contract', 'Contract', '合同', ['finance'], [REQUIRED, ON, OFF], 'info'),
  subtype('service', 'svc_bill', 'Bill issued', '账单', ['finance'], [REQUIRED, ON, OFF], 'info'),
  subtype('service', 'svc_invoice', 'Invoice', '发票', ['finance'], [REQUIRED, ON, OFF], 'info'),
  subtype('service', 'svc_ticket', 'Support ticket update', '工单动态', ['operations'], [REQUIRED, ON, OFF], 'info'),
  subtype('service', 'svc_filing', 'Filing, domain and licence', '备案、域名与许可', ['operations', 'legal'], [REQUIRED, ON, OFF], 'warning'),
  subtype('service', 'svc_terms_legal', 'Terms, privacy and compliance', '条款、隐私与合规', ['legal', 'owner'], [REQUIRED, REQUIRED, BANNED], 'info'),
  subtype('service', 'svc_suspension', 'Account suspension warning', '账号停用预警', ['owner', 'finance'], [REQUIRED, REQUIRED, ON], 'critical'),
  subtype('service', DESTINATION_FAILING, 'A destination keeps failing', '接收端持续失败', ['operations'], [REQUIRED, BANNED, BANNED], 'warning', true),
];

const categoryByCode = new Map(categories.map((entry) => [entry.code, entry]));
const subtypeByCode = new Map(subtypes.map((entry) => [entry.code, entry]));

export function findCategory(code: string): Category | undefined {
  return categoryByCode.get(code);
}

export function findSubtype(code: string): Subtype | undefined {
  return subtypeByCode.get(code);
}

/** The subtypes that people can set and producers can post. */
export const publicSubtypes: readonly Subtype[] = subtypes.filter(({ hidden }) => !hidden);

/** A category's policy: -1 and -2 only where all its subtypes agree, else the commoner default (api.md). */
export function categoryPolicy(code: string): Record<PolicyChannel, ChannelState> {
  const members = publicSubtypes.filter((entry) => entry.category === code);
  const column = (channel: PolicyChannel): ChannelState => {
    const states = members.map(({ policy }) => policy[channel]);
    if (states.every((state) => state === states[0])) return states[0] ?? OFF;
    const on = states.filter((state) => state === ON || state === REQUIRED).length;
    return on * 2 > states.length ? ON : OFF;
  };
  return { inbox: column('inbox'), email: column('email'), webhook: column('webhook') };
}
