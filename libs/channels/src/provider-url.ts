/** What a webhook's URL must look like, per platform, so that a wrong one is told when it is entered. */
import type { WebhookPlatform } from '@herald/contracts';
import { z } from 'zod';
import { AddressGuard, isLoopback, literalAddress } from './address-guard.js';

export interface UrlRules {
  readonly allow: readonly string[];
  readonly origins: Readonly<Record<string, string>>;
}

interface ProviderRule {
  readonly hosts: readonly string[];
  readonly path: RegExp;
  readonly query?: string;
  readonly example: string;
}

const rules: Record<Exclude<WebhookPlatform, 'webhook'>, ProviderRule> = {
  dingtalk: {
    hosts: ['oapi.dingtalk.com'],
    path: /^\/robot\/send$/,
    query: 'access_token',
    example: 'https://oapi.dingtalk.com/robot/send?access_token=…',
  },
  wecom: {
    hosts: ['qyapi.weixin.qq.com'],
    path: /^\/cgi-bin\/webhook\/send$/,
    query: 'key',
    example: 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=…',
  },
  lark: {
    hosts: ['open.feishu.cn', 'open.larksuite.com'],
    path: /^\/open-apis\/bot\/v2\/hook\/[\w-]+$/,
    example: 'https://open.feishu.cn/open-apis/bot/v2/hook/…',
  },
  slack: {
    hosts: ['hooks.slack.com', 'hooks.slack-gov.com'],
    path: /^\/services\/[\w/-]+$/,
    example: 'https://hooks.slack.com/services/T…/B…/…',
  },
};

/** The first fault of a URL in words, or null. */
export function urlFault(platform: WebhookPlatform, text: string, given: UrlRules): string | null {
  if (!URL.canParse(text)) return 'expected a URL';
  const url = new URL(text);
  if (url.username || url.password) return 'a URL with user info is not allowed';
  if (url.hash) return 'a URL with a fragment (#…) is not allowed';
  if (url.protocol !== 'https:' && url.protocol !== 'http:')
    return `expected https, got ${url.protocol.replace(':', '')}`;
  if (platform === 'webhook') return customFault(url, given);
  const { hosts, path, query, example } = rules[platform];
  const override = given.origins[platform];
  const isOverride = override !== undefined && url.origin === new URL(override).origin;
  if (!isOverride) {
    if (url.protocol !== 'https:') return `expected https, such as ${example}`;
    if (!hosts.includes(url.hostname) || url.port !== '')
      return `expected an address of ${platform}, such as ${example}`;
  }
  if (!path.test(url.pathname)) return `the path is not one of ${platform}: expected ${example}`;
  if (query !== undefined && !url.searchParams.get(query))
    return `the parameter ${query} is missing: expected ${example}`;
  return null;
}

const LOCAL_NAME = /^[^.]+$|\.(localhost|local|internal|lan|home\.arpa|svc)\.?$|\.svc\.[^.]+/i;

/**
 * A literal address is judged now; names are resolved and judged when connecting. Plain http is for what the operator has
 * allowed: such an address, or a name that can only be a local one.
 */
function customFault(url: URL, { allow }: UrlRules): string | null {
  const guard = new AddressGuard(allow);
  const literal = literalAddress(url.hostname);
  const isLocalName = literal === null && LOCAL_NAME.test(url.hostname);
  if (literal !== null && !guard.isReachable(literal)) {
    return 'the address is private, loopback or otherwise special, and is not allowed';
  }
  const isLocalhost = isLocalName && /(^|\.)localhost\.?$/i.test(url.hostname);
  const mayBeLocal = isLocalhost ? allow.some(isLoopbackRange) : allow.length > 0;
  if (isLocalName && !mayBeLocal) return 'the host is a local name, and is not allowed';
  const mayBePlain = literal === null ? isLocalName : guard.isAllowed(literal);
  if (url.protocol === 'http:' && !mayBePlain) {
    return 'expected https: http is allowed only to addresses in HERALD_OUTBOUND_ALLOW';
  }
  return null;
}

function isLoopbackRange(range: string): boolean {
  return isLoopback(range.split('/')[0]!) || range.endsWith('/0');
}

export function providerUrl(platform: WebhookPlatform, given: UrlRules) {
  return z
    .string()
    .trim()
    .superRefine((text, context) => {
      const fault = urlFault(platform, text, given);
      if (fault) context.addIssue({ code: 'custom', message: fault });
    });
}
