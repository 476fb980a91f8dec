/**
 * Guessing passwords gets slow: at most 10 failures per address and 100 per network in 15 minutes. A try is counted before
 * the password is looked at and forgiven when it was right, so that many at a time get no more. Kept in the cache port: two
 * processes that count at the very same moment may lose one; a flushed Redis forgives.
 */
import { createHash } from 'node:crypto';
import { isIPv6 } from 'node:net';
import type { Cache } from '@herald/platform';

const WINDOW_MS = 15 * 60_000;
const FAILURES_PER_ADDRESS = 10;
const FAILURES_PER_NETWORK = 100;

interface Count {
  readonly count: number;
  /** Database time. */
  readonly untilMs: number;
}

interface Counter {
  readonly key: string;
  readonly atMost: number;
}

export class SignInThrottle {
  private turn: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly cache: Cache,
    private readonly nowMs: () => number,
  ) {}

  /** Counts a try as failed. Answers milliseconds to wait where there were too many: then it isn't counted. */
  begin(address: string, ip: string): Promise<number> {
    return this.inTurn(async () => {
      const counters = countersOf(address, ip);
      const counts = await this.read(counters);
      const nowMs = this.nowMs();
      const waits = counters.map(({ atMost }, index) =>
        counts[index]!.count >= atMost ? counts[index]!.untilMs - nowMs : 0,
      );
      const waitMs = Math.max(...waits);
      if (waitMs <= 0) await this.write(counters, counts, 1);
      return Math.max(waitMs, 0);
    });
  }

  /** The password was right. */
  forgive(address: string, ip: string): Promise<void> {
    return this.inTurn(async () => {
      const counters = countersOf(address, ip);
      await this.write(counters, await this.read(counters), -1);
    });
  }

  private async read(counters: readonly Counter[]): Promise<Count[]> {
    const nowMs = this.nowMs();
    const texts = await this.cache.get(counters.map(({ key }) => key));
    return texts.map((text) => {
      const [count, untilMs] = (text ?? '').split(' ').map(Number);
      if (!count || !untilMs || untilMs <= nowMs) return { count: 0, untilMs: nowMs + WINDOW_MS };
      return { count, untilMs };
    });
  }

  private async write(counters: readonly Counter[], counts: readonly Count[], by: 1 | -1): Promise<void> {
    const entries = counters.map(({ key }, index) => {
      const { count, untilMs } = counts[index]!;
      return { key, value: `${Math.max(count + by, 0)} ${untilMs}` };
    });
    await this.cache.set(entries, WINDOW_MS / 1_000);
  }

  private inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    const result = this.turn.then(work);
    this.turn = result.catch(() => {});
    return result;
  }
}

function countersOf(address: string, ip: string): Counter[] {
  const hashed = createHash('sha256').update(address).digest('base64url');
  return [
    { key: `sign-in:address:${hashed}`, atMost: FAILURES_PER_ADDRESS },
    { key: `sign-in:network:${networkOf(ip)}`, atMost: FAILURES_PER_NETWORK },
  ];
}

/** One subscriber of an access provider usually has a whole /64 of IPv6. */
export function networkOf(ip: string): string {
  if (!isIPv6(ip)) return ip;
  const [head = '', tail = ''] = ip.split('%')[0]!.split('::');
  const left = head.split(':').filter(Boolean);
  const right = tail.split(':').filter(Boolean);
  const groups = [...left, ...Array<string>(Math.max(8 - left.length - right.length, 0)).fill('0'), ...right];
  return groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':');
}
