/** How long to wait after each attempt that counts, and how long a pass may take in all (domain.md, delivery defaults; semantics 24). */
import type { DeliveryChannel } from '@herald/contracts';

const SECOND = 1_000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

const webhook = [
  5 * SECOND,
  30 * SECOND,
  2 * MINUTE,
  10 * MINUTE,
  30 * MINUTE,
  2 * HOUR,
  5 * HOUR,
  10 * HOUR,
  14 * HOUR,
  20 * HOUR,
  24 * HOUR,
];
const others = [10 * SECOND, MINUTE, 5 * MINUTE, 15 * MINUTE, 40 * MINUTE, 90 * MINUTE, 3 * HOUR];

const JITTER = 0.2;
const CONFIGURED_SPAN_AT_LEAST_MS = 10 * MINUTE;

export interface RetrySettings {
  readonly HERALD_RETRY_DELAYS_WEBHOOK?: readonly number[] | undefined;
  readonly HERALD_RETRY_DELAYS_CHAT?: readonly number[] | undefined;
  readonly HERALD_RETRY_DELAYS_EMAIL?: readonly number[] | undefined;
}

export interface RetryDelays {
  readonly waitsMs: readonly number[];
  /** From acceptance or replay to the last time. */
  readonly spanMs: number;
}

export function retryDelays(settings: RetrySettings): (channel: DeliveryChannel) => RetryDelays {
  const webhooks = delays(settings.HERALD_RETRY_DELAYS_WEBHOOK, webhook);
  const chats = delays(settings.HERALD_RETRY_DELAYS_CHAT, others);
  const mails = delays(settings.HERALD_RETRY_DELAYS_EMAIL, others);
  return (channel) => (channel === 'webhook' ? webhooks : channel === 'email' ? mails : chats);
}

function delays(configured: readonly number[] | undefined, usual: readonly number[]): RetryDelays {
  const sum = (waits: readonly number[]) => waits.reduce((total, wait) => total + wait, 0);
  if (configured) {
    return { waitsMs: configured, spanMs: Math.max(2 * sum(configured), CONFIGURED_SPAN_AT_LEAST_MS) };
  }
  return { waitsMs: usual, spanMs: 1.2 * sum(usual) + HOUR };
}

/** The wait after the given number of attempts that count, ±20 %; null where there is no further attempt. `random` is 0 to 1. */
export function waitAfterMs({ waitsMs }: RetryDelays, spent: number, random: number): number | null {
  const wait = waitsMs[spent - 1];
  return wait === undefined ? null : Math.round(wait * (1 - JITTER + 2 * JITTER * random));
}
