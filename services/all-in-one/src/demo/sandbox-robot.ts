/** An account's webhook as the sandbox has to know it, so that it takes what Herald sends there. */
import type { WebhookPlatform } from '@herald/contracts';
import { makeRobot, type Robot } from '@herald/sandbox';

/** A webhook's configuration, whatever its platform. */
export interface RobotConfig {
  readonly url?: string;
  readonly secret?: string;
  readonly secrets?: readonly string[];
  readonly keywords?: readonly string[];
  readonly botToken?: string;
  readonly channel?: string;
}

/** Null where its address has no token by which the sandbox could know it. */
export function sandboxRobot(platform: WebhookPlatform, name: string, config: RobotConfig): Robot | null {
  const token = config.botToken ?? tokenOf(platform, config.url);
  if (!token) return null;
  const secret = config.secrets?.[0] ?? config.secret;
  return makeRobot({
    platform,
    token,
    name,
    ...(secret ? { secret } : {}),
    keywords: config.keywords ?? [],
    channels: config.channel ? [config.channel] : [],
  });
}

/** The same address at another origin, where it is the sandbox's; else null. */
export function movedTo(sandboxUrl: string, url: string | undefined): string | null {
  if (!url || !URL.canParse(url)) return null;
  const { origin, hostname, pathname } = new URL(url);
  const isOurs = pathname.startsWith('/webhook/') && ['127.0.0.1', 'localhost', '[::1]'].includes(hostname);
  return isOurs && origin !== sandboxUrl ? sandboxUrl + pathname : null;
}

function tokenOf(platform: WebhookPlatform, url: string | undefined): string | null {
  if (!url || !URL.canParse(url)) return null;
  const { pathname, searchParams } = new URL(url);
  switch (platform) {
    case 'dingtalk':
      return searchParams.get('access_token');
    case 'wecom':
      return searchParams.get('key');
    case 'lark':
      return /^\/open-apis\/bot\/v2\/hook\/(.+)$/.exec(pathname)?.[1] ?? null;
    case 'slack':
      return /^\/services\/(.+)$/.exec(pathname)?.[1] ?? null;
    case 'webhook':
      return /^\/webhook\/(.+)$/.exec(pathname)?.[1] ?? null;
  }
}
