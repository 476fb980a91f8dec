/** Records that nobody could read, or that conflict: kept with their reason, so that the consumer can go on (walk.md). */
import type { Database } from '../postgres/database.js';
import type { IncomingRecord } from './bus.js';

export type DeadReason = 'UNREADABLE' | 'CONFLICTING_KEY' | 'BUG' | 'DATA';

export interface DeadRecord {
  readonly id: string;
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  readonly value: string;
  readonly reason: DeadReason;
  readonly detail: string;
  readonly at: Date;
  readonly redrivenAt: Date | null;
}

export interface DeadRecords {
  keep(record: IncomingRecord, reason: DeadReason, detail: string): Promise<void>;
}

/** A place in the list, newest first. `at` is a time as the database wrote it, to the microsecond. */
export interface DeadRecordPlace {
  readonly at: string;
  readonly id: string;
}

const columns = `id, topic, partition, record_offset as "offset", key, value, reason, detail, at, redriven_at as "redrivenAt"`;

export class DeadRecordStore implements DeadRecords {
  constructor(private readonly database: Database) {}

  /** Once per position, however often it is read. PostgreSQL takes no NUL in text. */
  async keep(record: IncomingRecord, reason: DeadReason, detail: string): Promise<void> {
    await this.database.query(
      `insert into bus.dead_record (topic, partition, record_offset, key, value, reason, detail)
       values ($1, $2, $3, $4, $5, $6, $7) on conflict do nothing`,
      [
        record.topic,
        record.partition,
        record.offset,
        clean(record.key),
        clean(record.value),
        reason,
        clean(detail).slice(0, 4_000),
      ],
    );
  }

  /** Newest first, below a place. `place` is where each stands. */
  async list(limit: number, below: DeadRecordPlace | null): Promise<(DeadRecord & { readonly place: string })[]> {
    const { rows } = await this.database.query<DeadRecord & { place: string }>(
      `select ${columns}, to_char(at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.US"Z"') as place from bus.dead_record
       where $2::timestamptz is null or (at, id) < ($2, $3::uuid) order by at desc, id desc limit $1`,
      [limit, below?.at ?? null, below?.id ?? null],
    );
    return rows;
  }

  async find(id: string): Promise<DeadRecord | null> {
    const { rows } = await this.database.query<DeadRecord>(`select ${columns} from bus.dead_record where id = $1`, [
      id,
    ]);
    return rows[0] ?? null;
  }

  async markRedriven(id: string): Promise<void> {
    await this.database.query('update bus.dead_record set redriven_at = now() where id = $1', [id]);
  }
}

function clean(text: string): string {
  return text.replaceAll('\u0000', '\uFFFD').toWellFormed();
}
