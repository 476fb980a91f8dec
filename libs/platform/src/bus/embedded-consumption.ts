/** The one member of a group on the embedded log. */
import type { Database } from '../postgres/database.js';
import { isNotNow } from '../postgres/faults.js';
import type { ConsumeOptions, Consumption } from './bus.js';
import type { EmbeddedBus } from './embedded-bus.js';
import { Intake, type Position, type RawRecord } from './intake.js';
import { Watchdog } from './watchdog.js';
import { settledWithin } from './within.js';

const COMMIT_EVERY_MS = 200;
const RETRY_AFTER_MS = 500;
/** At most so many records, and so much text, are read from the table at once. */
const PAGE = 500;
const PAGE_BYTES = 4 * 1024 * 1024;

export class EmbeddedConsumption implements Consumption {
  missed = 0;
  private readonly intake: Intake;
  private readonly watchdog: Watchdog;
  private readonly positions = new Map<string, number>();
  private timer: NodeJS.Timeout | undefined;
  private saving: Promise<void> | undefined;
  private isPumping = false;
  private isWakened = false;
  private isStopped = false;
  private whenIdle: (() => void) | undefined;

  constructor(
    private readonly bus: EmbeddedBus,
    private readonly database: Database,
    readonly options: ConsumeOptions,
  ) {
    this.intake = new Intake({
      unfinishedAtMost: options.unfinishedAtMost,
      onFull: () => {},
      onRoom: () => this.wake(),
      onFinished: () => {
        if (this.isStopped && this.intake.unfinished === 0) this.whenIdle?.();
      },
    });
    this.watchdog = new Watchdog(
      {
        group: options.group,
        unfinished: () => this.intake.unfinished,
        lag: async () => options.topics.reduce((sum, topic) => sum + this.lagOf(topic), 0),
        onStuck: options.onFatal,
      },
      performance.now(),
    );
  }

  get unfinished(): number {
    return this.intake.unfinished;
  }

  unfinishedOf(topic: string): number {
    return this.intake.unfinishedOf(topic);
  }

  lagOf(topic: string): number {
    let lag = this.unfinishedOf(topic);
    for (const [partition, { end }] of this.bus.partitionsOf(topic).entries()) {
      lag += end - (this.positionOf(topic, partition) ?? end);
    }
    return lag;
  }

  /** What is read next; undefined for a topic that is not read here. */
  positionOf(topic: string, partition: number): number | undefined {
    return this.positions.get(`${topic}/${partition}`);
  }

  setWaiting(waiting: boolean): void {
    this.watchdog.isWaiting = waiting;
  }

  async begin(): Promise<void> {
    for (const topic of this.options.topics) {
      const [committed, begin] = await Promise.all([
        this.bus.committedOffsets(this.options.group, topic),
        this.bus.beginOffsets(topic),
      ]);
      for (const [partition, offset] of committed.entries()) {
        const first = begin[partition]!;
        if (offset >= 0 && offset < first) this.missed += first - offset;
        this.positions.set(`${topic}/${partition}`, Math.max(offset, first));
      }
    }
    // Known to the cleaner from now on, even where it never finishes anything.
    await this.save(
      [...this.positions].map(([key, offset]) => {
        const at = key.lastIndexOf('/');
        return { topic: key.slice(0, at), partition: Number(key.slice(at + 1)), offset };
      }),
    );
    this.timer = setInterval(() => {
      void this.commit().catch(() => {});
      void this.watchdog.tick(this.intake.takeProgress(), performance.now());
    }, COMMIT_EVERY_MS);
  }

  wake(): void {
    this.isWakened = true;
    if (this.isPumping || this.isStopped) return;
    this.isPumping = true;
    setImmediate(() => {
      void this.pump().then(
        () => this.pumped(),
        (error: Error) => {
          if (!isNotNow(error)) return this.options.onFatal(error);
          setTimeout(() => {
            this.isWakened = true;
            this.pumped();
          }, RETRY_AFTER_MS);
        },
      );
    });
  }

  async drain(timeoutMs: number): Promise<void> {
    this.isStopped = true;
    if (this.intake.unfinished > 0) {
      const idle = new Promise<void>((resolve) => {
        this.whenIdle = resolve;
      });
      await settledWithin(timeoutMs, idle);
    }
    clearInterval(this.timer);
    await this.saving?.catch(() => {});
    await this.commit().catch(() => {});
    this.intake.revokeAll();
    this.bus.remove(this);
  }

  private pumped(): void {
    this.isPumping = false;
    if (this.isWakened) this.wake();
  }

  private async pump(): Promise<void> {
    this.isWakened = false;
    for (const topic of this.options.topics) {
      for (const [partition, target] of this.bus.partitionsOf(topic).entries()) {
        const key = `${topic}/${partition}`;
        let position = this.positions.get(key)!;
        const from = position;
        for (let room = this.intake.room(topic); room > 0 && !this.isStopped; room = this.intake.room(topic)) {
          if (position >= target.end) break;
          const { end, tail } = target;
          const first = tail[0]?.offset ?? end;
          const limit = Math.min(room, PAGE);
          const records =
            position >= first
              ? tail.slice(position - first, position - first + limit)
              : await this.page(topic, partition, position, first, limit);
          if (this.isStopped) return;
          // Nothing there any more: the log begins later.
          position = (records.at(-1)?.offset ?? first - 1) + 1;
          this.positions.set(key, position);
          if (records.length > 0) this.options.receive(this.intake.accept(topic, partition, records));
        }
        if (position > from) this.bus.dropRead(topic, partition);
      }
    }
  }

  /** `before` keeps it to what is committed: the end as it was when the page was asked for. */
  private async page(
    topic: string,
    partition: number,
    from: number,
    before: number,
    limit: number,
  ): Promise<RawRecord[]> {
    const { rows } = await this.database.query<RawRecord>(
      `select "offset", key, value, bytes from (
         select record_offset as "offset", key, value, octet_length(value) as bytes,
                sum(octet_length(value)) over (order by record_offset) - octet_length(value) as before
         from (select record_offset, key, value from bus.record
               where topic = $1 and partition = $2 and record_offset >= $3 and record_offset < $4
               order by record_offset limit $5) page
       ) sized where before < ${PAGE_BYTES} order by "offset"`,
      [topic, partition, from, before, limit],
    );
    return rows;
  }

  private commit(): Promise<void> {
    this.saving ??= this.commitOnce().finally(() => {
      this.saving = undefined;
    });
    return this.saving;
  }

  private async commitOnce(): Promise<void> {
    const moved = this.intake.uncommitted();
    if (moved.length === 0) return;
    await this.save(moved);
    this.intake.committed(moved);
  }

  private async save(positions: readonly Position[]): Promise<void> {
    await this.database.query(
      {
        name: 'bus-commit',
        text: `insert into bus.position (grp, topic, partition, next_offset)
               select $1, * from unnest($2::text[], $3::int[], $4::bigint[])
               on conflict (grp, topic, partition) do update set next_offset = greatest(bus.position.next_offset, excluded.next_offset)`,
      },
      [
        this.options.group,
        positions.map(({ topic }) => topic),
        positions.map(({ partition }) => partition),
        positions.map(({ offset }) => offset),
      ],
    );
  }
}
