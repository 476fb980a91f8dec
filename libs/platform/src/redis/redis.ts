/**
 * The ports on Redis. Every call has a short deadline; while Redis doesn't answer, the in-process twin does the work,
 * so that its absence makes Herald slower and never wrong (semantics 28).
 */
import { Redis } from 'ioredis';
import { InProcessBuckets, InProcessCache, InProcessSignals } from './in-process.js';
import type { Buckets, Cache, Signals } from './ports.js';

const CALL_WITHIN_MS = 300;
const SILENT_FOR_MS = 1_000;
const RECONNECT_AFTER = 5;
const EPOCH_KEY = 'herald:epoch';

export function connectRedis(url: string, onError: (error: Error) => void): Redis {
  const redis = new Redis(url, {
    commandTimeout: CALL_WITHIN_MS,
    connectTimeout: 2_000,
    maxRetriesPerRequest: 0,
    enableOfflineQueue: false,
    enableAutoPipelining: true,
    retryStrategy: (times) => Math.min(50 * times, 1_000),
  });
  redis.on('error', onError);
  return redis;
}

/** Of one connection: until when it isn't asked, and how many calls in a row it has left without an answer. */
const silences = new WeakMap<Redis, { until: number; inARow: number }>();

/**
 * The answer of Redis, or what the twin says. Who falls silent isn't asked for a second, so that not every call waits
 * its deadline; and is connected anew in the end, because a lost network tells nobody.
 */
async function ask<Answer>(
  redis: Redis,
  call: () => Promise<Answer>,
  otherwise: () => Answer | Promise<Answer>,
): Promise<Answer> {
  const silence = silences.get(redis);
  if (silence && silence.until > performance.now()) return otherwise();
  try {
    const answer = await call();
    if (silence) silences.delete(redis);
    return answer;
  } catch (error) {
    if ((error as Error).message === 'Command timed out') {
      const known = silences.get(redis);
      const now = performance.now();
      // Calls that waited together are one silence.
      if (!known || known.until < now) {
        const inARow = (known?.inARow ?? 0) + 1;
        silences.set(redis, { until: now + SILENT_FOR_MS, inARow });
        if (inARow % RECONNECT_AFTER === 0) redis.disconnect(true);
      }
    }
    return otherwise();
  }
}

export class RedisCache implements Cache {
  private readonly twin = new InProcessCache();

  constructor(private readonly redis: Redis) {}

  async get(keys: readonly string[]): Promise<(string | null)[]> {
    if (keys.length === 0) return [];
    return ask(
      this.redis,
      () => this.redis.mget(...keys),
      () => this.twin.get(keys),
    );
  }

  async set(entries: readonly { key: string; value: string }[], ttlSeconds: number): Promise<void> {
    await this.twin.set(entries, ttlSeconds);
    await ask<unknown>(
      this.redis,
      () => Promise.all(entries.map(({ key, value }) => this.redis.set(key, value, 'EX', ttlSeconds))),
      () => {},
    );
  }

  async rememberingSince(): Promise<Date | null> {
    const mark = async () => {
      const since = await this.redis
        .set(EPOCH_KEY, new Date().toISOString(), 'NX')
        .then(() => this.redis.get(EPOCH_KEY));
      return since ? new Date(since) : null;
    };
    return ask(this.redis, mark, () => null);
  }
}

/** Takes one token from every bucket or from none. KEYS: buckets; ARGV: now, then capacity and perMs of each. */
const TAKE = `
local time = redis.call('time')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local wait = 0
local levels = {}
for i, key in ipairs(KEYS) do
  local capacity = tonumber(ARGV[i * 2 - 1])
  local per = tonumber(ARGV[i * 2])
  local stored = redis.call('hmget', key, 'tokens', 'at', 'paused')
  local at = tonumber(stored[2]) or now
  local tokens = math.min(capacity, (tonumber(stored[1]) or capacity) + math.max(0, now - at) * capacity / per)
  local paused = tonumber(stored[3]) or 0
  if paused > now then wait = math.max(wait, paused - now) end
  if tokens < 1 then wait = math.max(wait, (1 - tokens) * per / capacity) end
  levels[i] = tokens
end
for i, key in ipairs(KEYS) do
  local tokens = levels[i]
  if wait == 0 then tokens = tokens - 1 end
  redis.call('hset', key, 'tokens', tostring(tokens), 'at', tostring(now))
  redis.call('pexpire', key, math.max(tonumber(ARGV[i * 2]) * 2, 60000, wait * 2))
end
return math.ceil(wait)
`;

const PAUSE = `
local time = redis.call('time')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local until_ms = now + tonumber(ARGV[1])
local paused = tonumber(redis.call('hget', KEYS[1], 'paused') or '0')
if until_ms > paused then redis.call('hset', KEYS[1], 'paused', tostring(until_ms)) end
redis.call('pexpire', KEYS[1], math.max(tonumber(ARGV[1]) * 2, 120000))
return 1
`;

interface BucketCommands {
  heraldTake(keys: number, ...rest: (string | number)[]): Promise<number>;
  heraldPause(keys: number, key: string, forMs: number): Promise<number>;
}

export class RedisBuckets implements Buckets {
  private readonly twin = new InProcessBuckets();
  private readonly commands: BucketCommands;

  constructor(private readonly redis: Redis) {
    redis.defineCommand('heraldTake', { lua: TAKE });
    redis.defineCommand('heraldPause', { lua: PAUSE });
    this.commands = redis as unknown as BucketCommands;
  }

  async take(limits: readonly { key: string; capacity: number; perMs: number }[]): Promise<number> {
    if (limits.length === 0) return 0;
    const keys = limits.map(({ key }) => `herald:bucket:${key}`);
    return ask(
      this.redis,
      () =>
        this.commands.heraldTake(keys.length, ...keys, ...limits.flatMap(({ capacity, perMs }) => [capacity, perMs])),
      () => this.twin.take(limits),
    );
  }

  async pause(key: string, forMs: number): Promise<void> {
    await this.twin.pause(key, forMs);
    await ask<unknown>(
      this.redis,
      () => this.commands.heraldPause(1, `herald:bucket:${key}`, forMs),
      () => {},
    );
  }
}

/** Sends locally as well, so that one process hears itself whatever Redis does. */
export class RedisSignals implements Signals {
  private readonly local = new InProcessSignals();
  private readonly subscriber: Redis;
  private readonly subscribed = new Set<string>();

  constructor(private readonly redis: Redis) {
    this.subscriber = redis.duplicate({ commandTimeout: undefined, autoResubscribe: true, enableOfflineQueue: true });
    this.subscriber.on('error', () => {});
    this.subscriber.on('message', (channel: string, message: string) => this.local.send(channel, message));
  }

  send(topic: string, message: string): void {
    this.redis.publish(`herald:${topic}`, message).catch(() => this.local.send(`herald:${topic}`, message));
  }

  on(topic: string, listener: (message: string) => void): () => void {
    const channel = `herald:${topic}`;
    if (!this.subscribed.has(channel)) {
      this.subscribed.add(channel);
      this.subscriber.subscribe(channel).catch(() => this.subscribed.delete(channel));
    }
    return this.local.on(channel, listener);
  }

  close(): void {
    this.subscriber.disconnect();
  }
}
