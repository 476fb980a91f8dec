/** Producers and their API keys. A key is random, checked by its own checksum first, and kept as SHA-256 only. */
import { createHash, randomBytes } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ProducerId } from '@herald/contracts';
import type { Database } from '@herald/platform';
import { LRUCache } from 'lru-cache';
import { recordChange, type SettingsFeed } from './settings-feed.js';

const PREFIX = 'hrld_';
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_LENGTH = 40;
const CHECK_LENGTH = 6;

/** `hrld_` + 40 characters of base62 (238 bits) + 6 of checksum, so that garbage is told without a query. */
export function makeKey(): string {
  const random = [...randomBytes(RANDOM_LENGTH)].map((byte) => ALPHABET[byte % ALPHABET.length]).join('');
  return PREFIX + random + checksum(random);
}

export function isWellFormedKey(key: string): boolean {
  if (!key.startsWith(PREFIX) || key.length !== PREFIX.length + RANDOM_LENGTH + CHECK_LENGTH) return false;
  const random = key.slice(PREFIX.length, -CHECK_LENGTH);
  return checksum(random) === key.slice(-CHECK_LENGTH);
}

function checksum(text: string): string {
  let value = crc32(text);
  let digits = '';
  for (let place = 0; place < CHECK_LENGTH; place += 1) {
    digits = ALPHABET[value % ALPHABET.length] + digits;
    value = Math.floor(value / ALPHABET.length);
  }
  return digits;
}

export function hashToken(token: string): Buffer {
  return createHash('sha256').update(token).digest();
}

export interface KnownProducer {
  readonly id: ProducerId;
  readonly categories: readonly string[];
  readonly ratePerSecond: number | null;
  readonly expiresAt: Date | null;
}

export interface ProducerView {
  readonly id: string;
  readonly name: string;
  readonly categories: string[];
  readonly ratePerSecond: number | null;
  readonly createdAt: string;
  readonly keys: { id: string; hint: string; createdAt: string; expiresAt: string | null; revokedAt: string | null }[];
}

const view = `p.id, p.name, p.categories, p.rate_per_second as "ratePerSecond", to_json(p.created_at) #>> '{}' as "createdAt",
  coalesce((select json_agg(json_build_object('id', k.id, 'hint', k.hint, 'createdAt', k.created_at, 'expiresAt', k.expires_at,
    'revokedAt', k.revoked_at) order by k.created_at) from settings.api_key k where k.producer_id = p.id), '[]') as keys`;

export class ProducerStore {
  constructor(
    private readonly database: Database,
    private readonly feed: SettingsFeed,
  ) {}

  async create(name: string, categories: readonly string[], ratePerSecond: number | null): Promise<ProducerView> {
    const { rows } = await this.database.query<{ id: string }>(
      'insert into settings.producer (name, categories, rate_per_second) values ($1, $2, $3) returning id',
      [name, categories, ratePerSecond],
    );
    return (await this.find(rows[0]!.id))!;
  }

  async find(id: string): Promise<ProducerView | null> {
    const { rows } = await this.database.query<ProducerView>(`select ${view} from settings.producer p where p.id = $1`, [id]);
    return rows[0] ?? null;
  }

  async list(limit: number, after: readonly (string | number)[] | null): Promise<ProducerView[]> {
    const { rows } = await this.database.query<ProducerView>(
      `select ${view} from settings.producer p where $2::uuid is null or p.id > $2 order by p.id limit $1`,
      [limit, after?.[0] ?? null],
    );
    return rows;
  }

  /** Null where there is no such producer. The key is shown this once. */
  async createKey(producerId: string, expiresAt: string | null): Promise<{ id: string; key: string } | null> {
    const key = makeKey();
    const { rows } = await this.database.query<{ id: string }>(
      `insert into settings.api_key (producer_id, key_hash, hint, expires_at)
       select id, $2, $3, $4 from settings.producer where id = $1 returning id`,
      [producerId, hashToken(key), `…${key.slice(-4)}`, expiresAt],
    );
    return rows[0] ? { id: rows[0].id, key } : null;
  }

  async revokeKey(producerId: string, keyId: string): Promise<boolean> {
    const changed = await this.database.transaction(async (tx) => {
      const { rowCount } = await tx.query(
        'update settings.api_key set revoked_at = now() where id = $2 and producer_id = $1 and revoked_at is null',
        [producerId, keyId],
      );
      if (rowCount > 0) await recordChange(tx, 'producer', null, [producerId]);
      return rowCount > 0;
    });
    this.feed.announce();
    return changed;
  }
}

/** Keys as ingest checks them: in memory, forgotten when the feed says so; unknown ones at most a second. */
export class ProducerKeys {
  private readonly known = new LRUCache<string, KnownProducer>({ max: 10_000 });
  private readonly unknown = new LRUCache<string, true>({ max: 10_000, ttl: 1_000 });

  constructor(
    private readonly database: Database,
    private readonly feed: SettingsFeed,
  ) {
    feed.onChange((changes) => {
      if (changes.some(({ kind }) => kind === 'producer')) this.known.clear();
    });
  }

  /** While the database is away, what is known stays known (semantics 37). */
  async find(key: string, now: Date): Promise<KnownProducer | null> {
    const cached = this.known.get(key);
    if (cached && !this.feed.isStale) return unlessExpired(cached, now);
    if (!isWellFormedKey(key) || this.unknown.has(key)) return null;
    try {
      const { rows } = await this.database.query<KnownProducer>(
        {
          name: 'producer-by-key',
          text: `select p.id, p.categories, p.rate_per_second as "ratePerSecond", k.expires_at as "expiresAt"
                 from settings.api_key k join settings.producer p on p.id = k.producer_id
                 where k.key_hash = $1 and k.revoked_at is null`,
        },
        [hashToken(key)],
      );
      const producer = rows[0];
      if (producer) this.known.set(key, producer);
      else {
        this.known.delete(key);
        this.unknown.set(key, true);
      }
      return producer ? unlessExpired(producer, now) : null;
    } catch (error) {
      if (cached) return unlessExpired(cached, now);
      throw error;
    }
  }
}

function unlessExpired(producer: KnownProducer, now: Date): KnownProducer | null {
  return producer.expiresAt !== null && producer.expiresAt <= now ? null : producer;
}
