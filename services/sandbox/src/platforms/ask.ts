/** For the specs: a request, a ground to answer it on, and the published signature vectors. */
import { readFileSync } from 'node:fs';
import { type Limit, RateLimits } from '../rate-limits.js';
import { makeRobot, type Robot } from '../robots.js';
import type { Ground, Platform, PlatformAnswer, PlatformRequest } from './platform.js';

export const noon = Date.UTC(2026, 10, 18, 12, 0, 0);

interface WebhookVector {
  readonly secrets: readonly [string];
  readonly 'webhook-id': string;
  readonly 'webhook-timestamp': string;
  readonly 'webhook-signature': string;
  readonly body: string;
}

export const vectors = JSON.parse(
  readFileSync(new URL('../../fixtures/channel-vectors.json', import.meta.url), 'utf8'),
) as {
  readonly dingtalk: { readonly vectors: readonly { timestamp_ms: number; secret: string; sign_base64: string }[] };
  readonly lark: { readonly vectors: readonly { timestamp_s: number; secret: string; sign: string }[] };
  readonly standard_webhooks: { readonly vectors: readonly [WebhookVector, WebhookVector, WebhookVector] };
};

export interface Ask {
  readonly url: string;
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: unknown;
  readonly from?: string;
}

export class Asker {
  now = noon;
  readonly limits = new RateLimits();

  constructor(
    private readonly platform: Platform,
    private readonly robots: readonly (Pick<Robot, 'token'> & Partial<Robot>)[],
  ) {}

  ask(ask: Ask): PlatformAnswer {
    const robots = this.robots.map((robot) => makeRobot({ ...robot, platform: this.platform.id }));
    const ground: Ground = {
      now: this.now,
      robots,
      robot: (token) => robots.find((robot) => robot.token === token),
      admit: (key: string, limits: readonly Limit[]) => this.limits.admit(key, limits, this.now),
    };
    return this.platform.answer(requestOf(ask), ground);
  }
}

function requestOf({ url, method = 'POST', headers, body = '', from = '127.0.0.1' }: Ask): PlatformRequest {
  const { pathname, searchParams } = new URL(url, 'http://sandbox');
  return {
    method,
    path: pathname,
    query: searchParams,
    headers: { 'content-type': 'application/json', ...headers },
    body: Buffer.isBuffer(body) ? body : Buffer.from(typeof body === 'string' ? body : JSON.stringify(body)),
    from,
  };
}
