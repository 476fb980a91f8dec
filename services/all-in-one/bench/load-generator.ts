/**
 * Posts events: closed loop (so many requests in flight) or open loop (so many a second, whatever the answers do).
 * In an open loop a request counts as sent when it was due, so that a stalled server cannot hide its stall.
 */
import { monotonicMs } from './clock.js';
import { Column } from './columns.js';
import { HttpConnection } from './http-connection.js';
import { makePosts, type PostPlan } from './posts.js';

export interface LoadPlan extends PostPlan {
  /** The number of the first event. */
  readonly first: number;
  readonly pace: { readonly inFlight: number } | { readonly ratePerSecond: number };
  /** The load ends at whichever comes first. */
  readonly eventsAtMost: number;
  readonly secondsAtMost: number;
  /** Repeat what got no 202, as a careful producer does (it needs keys). Never after 4xx. */
  readonly repeats: boolean;
  readonly keepEventIds: boolean;
}

export interface LoadResult {
  readonly first: number;
  /** One past the last event that was posted. */
  readonly end: number;
  /** By number - first; 0 = never. */
  readonly sentAt: Float64Array;
  readonly acceptedAt: Float64Array;
  readonly statuses: Record<string, number>;
  readonly requests: number;
  readonly repeated: number;
  readonly startedAtMs: number;
  readonly endedAtMs: number;
  readonly cpuMs: number;
  readonly eventIds: readonly string[];
}

const ANSWER_WITHIN_MS = 10_000;
const CONNECTIONS_AT_MOST = 512;
/** Doubled with each try: a server that comes back must not be met by all its refusals at once. */
const REPEAT_AFTER_MS = 250;
const REPEAT_AFTER_AT_MOST_MS = 4_000;
/** After the load's end: how long what is unanswered or refused may still be repeated. */
const FINISH_WITHIN_MS = 120_000;

export class LoadGenerator {
  private readonly post: (first: number) => string;
  private readonly idle: HttpConnection[] = [];
  private readonly all: HttpConnection[] = [];
  /** By the time to post again. */
  private readonly again: { number: number; tries: number; atMs: number }[] = [];
  private readonly sentAt = new Column();
  private readonly acceptedAt = new Column();
  private readonly eventIds: string[] = [];
  private readonly statuses: Record<string, number> = {};
  private next: number;
  private open = 0;
  private requests = 0;
  private repeated = 0;
  private accepted = 0;
  private startedAtMs = 0;
  private isStopped = false;

  constructor(private readonly plan: LoadPlan) {
    this.post = makePosts(plan);
    this.next = plan.first;
  }

  get progress(): { posted: number; accepted: number } {
    return { posted: this.next - this.plan.first, accepted: this.accepted };
  }

  /** Posts no more new events. */
  stop(): void {
    this.isStopped = true;
  }

  async run(): Promise<LoadResult> {
    const cpu = process.cpuUsage();
    this.startedAtMs = monotonicMs();
    let endedAtMs = 0;
    let sweptAtMs = 0;
    for (;;) {
      const now = monotonicMs();
      if (!this.isStopped && now - this.startedAtMs >= this.plan.secondsAtMost * 1_000) this.stop();
      this.pump();
      if (this.isOver) {
        endedAtMs ||= now;
        if (this.open === 0 && this.again.length === 0) break;
        if (now - endedAtMs > FINISH_WITHIN_MS) break;
      }
      if (now - sweptAtMs > 1_000) {
        sweptAtMs = now;
        for (const connection of this.all) connection.dropIfOlderThan(ANSWER_WITHIN_MS);
      }
      await new Promise((resolve) => setTimeout(resolve, this.pauseMs()));
    }
    for (const connection of this.all) connection.close();
    const { user, system } = process.cpuUsage(cpu);
    return {
      first: this.plan.first,
      end: this.next,
      sentAt: this.sentAt.toArray(),
      acceptedAt: this.acceptedAt.toArray(),
      statuses: this.statuses,
      requests: this.requests,
      repeated: this.repeated,
      startedAtMs: this.startedAtMs,
      endedAtMs,
      cpuMs: (user + system) / 1_000,
      eventIds: this.eventIds,
    };
  }

  private get isOver(): boolean {
    return this.isStopped || this.next - this.plan.first >= this.plan.eventsAtMost;
  }

  /** A closed loop is driven by its answers; an open loop by the clock. */
  private pauseMs(): number {
    if ('inFlight' in this.plan.pace) return 10;
    return Math.max(1, Math.min(10, (1_000 * this.plan.batch) / this.plan.pace.ratePerSecond));
  }

  private pump(): void {
    const now = monotonicMs();
    while (this.again.length > 0 && this.again[0]!.atMs <= now && this.hasRoom) {
      const { number, tries } = this.again.shift()!;
      this.repeated += 1;
      this.send(number, tries);
    }
    while (!this.isOver && this.hasRoom && (this.again.length === 0 || this.isOpenLoop)) {
      const dueAt = this.dueAtMs(this.next);
      if (dueAt > now) return;
      const number = this.next;
      this.next += this.plan.batch;
      const sentAt = this.isOpenLoop ? dueAt : monotonicMs();
      for (let index = 0; index < this.plan.batch; index += 1)
        this.sentAt.set(number + index - this.plan.first, sentAt);
      this.send(number);
    }
  }

  private get isOpenLoop(): boolean {
    return 'ratePerSecond' in this.plan.pace;
  }

  private get hasRoom(): boolean {
    return this.open < ('inFlight' in this.plan.pace ? this.plan.pace.inFlight : CONNECTIONS_AT_MOST);
  }

  private dueAtMs(number: number): number {
    if (!('ratePerSecond' in this.plan.pace)) return 0;
    return this.startedAtMs + ((number - this.plan.first) * 1_000) / this.plan.pace.ratePerSecond;
  }

  private send(number: number, tries = 0): void {
    let connection = this.idle.pop();
    if (!connection) {
      connection = new HttpConnection(this.plan.host, this.plan.port);
      this.all.push(connection);
    }
    const used = connection;
    this.open += 1;
    this.requests += 1;
    used.send(this.post(number), (status, body) => {
      this.open -= 1;
      this.idle.push(used);
      this.answered(number, tries, status, body);
      if (!this.isOpenLoop) this.pump();
    });
  }

  private answered(number: number, tries: number, status: number, body: string): void {
    const name = status === 0 ? body : String(status);
    this.statuses[name] = (this.statuses[name] ?? 0) + 1;
    if (status === 202) {
      const now = monotonicMs();
      if (this.plan.batch > 1 && body.includes('"rejected"'))
        this.statuses['rejected items'] = (this.statuses['rejected items'] ?? 0) + 1;
      for (let index = 0; index < this.plan.batch; index += 1)
        this.acceptedAt.set(number + index - this.plan.first, now);
      this.accepted += this.plan.batch;
      if (this.plan.keepEventIds) this.eventIds.push(body.slice(12, 48));
    } else if (this.plan.repeats && (status === 0 || status >= 500 || status === 429)) {
      this.repeatLater(number, tries + 1);
    }
  }

  private repeatLater(number: number, tries: number): void {
    const atMs = monotonicMs() + Math.min(REPEAT_AFTER_MS * 2 ** (tries - 1), REPEAT_AFTER_AT_MOST_MS);
    let place = this.again.length;
    while (place > 0 && this.again[place - 1]!.atMs > atMs) place -= 1;
    this.again.splice(place, 0, { number, tries, atMs });
  }
}
