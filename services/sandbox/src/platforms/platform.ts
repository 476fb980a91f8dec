/** What a platform's imitation is made of: one request in, one answer out, nothing remembered but through `Ground`. */
import type { Limit } from '../rate-limits.js';
import type { Robot } from '../robots.js';

export const platformIds = ['dingtalk', 'wecom', 'lark', 'slack', 'webhook'] as const;
export type PlatformId = (typeof platformIds)[number];

export interface PlatformRequest {
  readonly method: string;
  /** Without the query. */
  readonly path: string;
  readonly query: URLSearchParams;
  /** Lower-case names. */
  readonly headers: Readonly<Record<string, string>>;
  readonly body: Buffer;
  /** The caller's address. */
  readonly from: string;
}

export interface PlatformAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  /** A string is sent as it is, anything else as JSON. */
  readonly body: unknown;
  /** The message is in the chat: the only thing that counts, whatever the status. */
  readonly accepted: boolean;
}

/** What an imitation may ask of the sandbox, for one request. */
export interface Ground {
  /** Milliseconds since 1970. */
  readonly now: number;
  /** The robots of this platform. */
  readonly robots: readonly Robot[];
  /** The robot with this credential; in an open sandbox, one is made up for a credential nobody registered. */
  robot(token: string): Robot | undefined;
  /** Counts one message against the limits of `key`; answers how many milliseconds it comes too early, 0 if it may pass. */
  admit(key: string, limits: readonly Limit[]): number;
}

export interface Platform {
  readonly id: PlatformId;
  serves(path: string): boolean;
  /** The credential that the request names, known or not. */
  token(request: PlatformRequest): string | undefined;
  answer(request: PlatformRequest, ground: Ground): PlatformAnswer;
  /** The address that a person would paste for this robot; `origin` is the sandbox's own. */
  url(token: string, origin: string): string;
  /** The body as `GET /received` shows it, where that isn't plain JSON. */
  decode?(request: PlatformRequest): unknown;
}

export const accept = (status: number, body: unknown, headers?: Record<string, string>): PlatformAnswer => ({
  status,
  headers,
  body,
  accepted: true,
});

export const refuse = (status: number, body: unknown, headers?: Record<string, string>): PlatformAnswer => ({
  status,
  headers,
  body,
  accepted: false,
});
