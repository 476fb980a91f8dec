/** Producers and their API keys. A key is random, checked by its own checksum first, and kept as SHA-256 only. */
import { randomInt } from 'node:crypto';
import { crc32 } from 'node:zlib';
import type { ProducerId, ProducerView } from '@herald/contracts';
import type { Database } from '@herald/platform';
import { isAfter, type Place, placeOf } from './place.js';
import { SettingsCache } from './settings-cache.js';
import { recordChange, type SettingsFeed } from './settings-feed.js';
import { hashToken } from './tokens.js';

const PREFIX = 'hrld_';
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
const RANDOM_LENGTH = 40;
const CHECK_LENGTH = 6;
const KEYS_AT_MOST = 10_000;

/** `hrld_` + 40 characters of base62 (238 bits) + 6 of checksum, so that garbage is told without a query. */
export function makeKey(): string {
  const random = Array.from({ length: RANDOM_LENGTH }, () => ALPHABET[randomInt(ALPHABET.length)]).join('');
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

export interface KnownProducer {
  readonly id: ProducerId;
  readonly categories: readonly string[];
  readonly ratePerSecond: number | null;
  readonly expiresAt: Date | null;
}

interface Row {
  readonly id: string;
  readonly name: string;
  readonly categories: string[];
  readonly ratePerSecond: number | null;
  readonly createdAt: Date;
  readonly keys: ProducerView['keys'];
}

const columns = `p.id, p.name, p.categories, p.rate_per_second as "ratePerSecond", p.created_at as "createdAt",
  coalesce((select json_agg(json_build_object('id', k.id, 'hint', k.hint, 'createdAt', k.created_at, 'expiresAt', k.expires_at,
    'revokedAt', k.revoked_at) order by k.created_at, k.id) from settings.api_key k where k.producer_id = p.id), '[]') as keys`;

function viewOf(row: Row): ProducerView {
  return {
    ...row,
    createdAt: row.createdAt.toISOString(),
    keys: row.keys.map((key) => ({
      ...key,
      createdAt: new Date(key.createdAt).toISOString(),
      expiresAt: key.expiresAt && new Date(key.expiresAt).toISOString(),
      revokedAt: key.revokedAt && new Date(key.revokedAt).toISOString(),
    })),
  };
}

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
    const { rows } = await this.database.query<Row>(`select ${columns} from settings.producer p where p.id = $1`, [id]);
    return rows[0] ? viewOf(rows[0]) : null;
  }

  /** In the order of their making; one row more than `limit` where there are more. */
  async list(limit: number, after: Place | null): Promise<ProducerView[]> {
    const { rows } = await this.database.query<Row>(
      `select ${columns} from settings.producer p where ${isAfter('p', 1)} order by ${placeOf('p')} limit $3`,
      [after?.at ?? null, after?.id ?? null, limit + 1],
    );
    return rows.map(viewOf);
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
    if (changed) await this.feed.announce();
    return changed;
  }
}

/** Keys as ingest checks them: in memory, forgotten when the feed says so; unknown ones at most a second. */
export class ProducerKeys {
  /** By the key's hash: what could be stolen from memory opens nothing. */
  private readonly cache: SettingsCache<string, KnownProducer>;

  constructor(
    private readonly database: Database,
    feed: SettingsFeed,
  ) {
    this.cache = new SettingsCache({
      feed,
      entriesAtMost: KEYS_AT_MOST,
      load: (hashes) => this.load(hashes),
      holdsWhileAway: true,
    });
    feed.onChange((changes) => {
      if (changes.some(({ kind }) => kind === 'producer')) this.cache.forgetAll();
    });
  }

  /** Null where nobody may post with it. While the database is away, what is known stays known (semantics 37). */
  async find(key: string, now: Date): Promise<KnownProducer | null> {
    if (!isWellFormedKey(key)) return null;
    const hash = hashToken(key).toString('hex');
    const producer = this.cache.peek(hash) ?? (await this.cache.get([hash])).get(hash);
    return producer && (producer.expiresAt === null || producer.expiresAt > now) ? producer : null;
  }

  private async load(hashes: readonly string[]): Promise<Map<string, KnownProducer>> {
    const { rows } = await this.database.query<KnownProducer & { hash: string }>(
      {
        name: 'producer-by-key',
        text: `select encode(k.key_hash, 'hex') as hash, p.id, p.categories, p.rate_per_second as "ratePerSecond",
                 k.expires_at as "expiresAt"
               from settings.api_key k join settings.producer p on p.id = k.producer_id
               where k.key_hash = any($1::bytea[]) and k.revoked_at is null`,
      },
      [hashes.map((hash) => Buffer.from(hash, 'hex'))],
    );
    return new Map(rows.map(({ hash, ...producer }) => [hash, producer]));
  }
}
