/** One run: load without a break, one fault after the other, then the wait for the end, then the checks. */
import { type Audience, setUpAudience } from '../bench/audience.js';
import { type Child, startChild } from '../bench/children.js';
import { monotonicMs, sleep } from '../bench/clock.js';
import { type Ground, startGround } from '../bench/ground.js';
import type { LoadCalls } from '../bench/load.js';
import type { LoadPlan, LoadResult } from '../bench/load-generator.js';
import type { SinkCalls, SinkRecords } from '../bench/sink.js';
import { until } from '../e2e/client.js';
import { awaitBalance, type EndStates, type InboxCount, type Ledger, readEndStates, readInboxes } from './checks.js';
import { describeFault, type Fault } from './fault-plan.js';
import type { FaultServers } from './fault-servers.js';
import { type Felt, feltFaults, type Injected } from './history.js';

export interface FaultRunOptions {
  readonly ground: 'distributed' | 'embedded';
  readonly servers: FaultServers | null;
  readonly faults: (processes: readonly string[]) => readonly Fault[];
  /** No fault begins later than this after the first. */
  readonly secondsAtMost: number;
  readonly ratePerSecond: number;
  readonly accounts: number;
  /** Between everything being ready and the next fault. */
  readonly pauseMs: number;
  /** A killed server stays away for so long. */
  readonly serverAwayMs: number;
  readonly logFolder?: string;
  readonly say: (line: string) => void;
}

export interface FaultReport {
  readonly ground: string;
  readonly ratePerSecond: number;
  readonly seconds: number;
  readonly load: Pick<LoadResult, 'statuses' | 'repeated' | 'requests'> & {
    readonly posted: number;
    readonly accepted: number;
    readonly unanswered: number;
  };
  readonly faults: readonly Felt[];
  /** Processes that ended without having been told to; their supervisor started them again. */
  readonly ownExits: readonly { readonly process: string; readonly how: string }[];
  /** Faults after which something did not come back by itself. */
  readonly stuck: readonly string[];
  readonly drainedAfterMs: number;
  readonly ledger: Ledger;
  readonly states: EndStates;
  readonly inbox: InboxCount;
  readonly sink: Pick<SinkRecords, 'counts'>['counts'];
  readonly notDelivered: number;
}

const READY_WITHIN_MS = 90_000;
const OVERLAP_AFTER_MS = 6_000;
const ACCEPTING_WITHIN_MS = 30_000;
const DRAIN_WITHIN_MS = 300_000;
const BEFORE_FAULTS_MS = 5_000;
const WARM_UP_EVENTS = 500;

export async function runFaults(options: FaultRunOptions): Promise<FaultReport> {
  const sink = startChild<SinkCalls>('../bench/sink.js');
  const load = startChild<LoadCalls>('../bench/load.js');
  const exits = new Exits();
  let ground: Ground | null = null;
  try {
    ground = await startGround({
      name: options.ground,
      ...(options.servers ? { servers: options.servers.addresses } : {}),
      ...(options.logFolder ? { logFolder: options.logFolder } : {}),
      onExit: (process, code, signal) => exits.note(process, code, signal),
    });
    const sinkPort = await sink.call('listen');
    const audience = await setUpAudience(ground.herald, {
      accounts: options.accounts,
      destinations: options.accounts,
      sinkPort,
    });
    return await new FaultRun(options, ground, audience, sink, load, exits).run();
  } finally {
    load.end();
    sink.end();
    await ground?.stop();
  }
}

/** Tells exits that a fault caused from those that a process decided on. */
class Exits {
  readonly own: { process: string; how: string }[] = [];
  private readonly expected = new Set<string>();

  expect(process: string): void {
    this.expected.add(process);
  }

  note(process: string, code: number | null, signal: string | null): void {
    if (!this.expected.delete(process)) this.own.push({ process, how: signal ?? `exit ${code}` });
  }
}

class FaultRun {
  private readonly injected: Injected[] = [];
  private readonly stuck: string[] = [];

  constructor(
    private readonly options: FaultRunOptions,
    private readonly ground: Ground,
    private readonly audience: Audience,
    private readonly sink: Child<SinkCalls>,
    private readonly load: Child<LoadCalls>,
    private readonly exits: Exits,
  ) {}

  async run(): Promise<FaultReport> {
    const { ground, audience, options } = this;
    const warmUp = await this.load.call(
      'run',
      this.plan({ first: 0, pace: { inFlight: 16 }, eventsAtMost: WARM_UP_EVENTS }),
    );
    await until(
      'the warm-up is delivered',
      async () => (await this.sink.call('counts')).delivered >= warmUp.eventIds.length,
      60_000,
    );
    const running = this.load.call(
      'run',
      this.plan({ first: WARM_UP_EVENTS, pace: { ratePerSecond: options.ratePerSecond } }),
    );
    running.catch(() => undefined);
    const startedAt = monotonicMs();
    await sleep(BEFORE_FAULTS_MS);
    await this.injectAll(options.faults(ground.processes), startedAt);
    await sleep(options.pauseMs);
    await this.load.call('stop');
    const result = await running;
    const seconds = (result.endedAtMs - result.startedAtMs) / 1_000;
    options.say(
      `load ended after ${seconds.toFixed(0)} s, ${result.eventIds.length} events accepted; waiting for the last to end`,
    );
    const expected = warmUp.eventIds.length + result.eventIds.length;
    const { ledger, afterMs } = await awaitBalance(
      ground.herald,
      DRAIN_WITHIN_MS,
      async () => (await this.sink.call('counts')).delivered >= expected,
    );
    options.say('asking for every event, and reading every inbox');
    const states = await readEndStates(ground.ingest, audience.key, result.eventIds);
    const inbox = await readInboxes(
      ground.herald,
      audience.accountIds,
      new Set(result.eventIds),
      new Set(warmUp.eventIds),
    );
    const records = await this.sink.call('records');
    const arrivedAt = records.arrivedAt.slice(result.first);
    const accepted = result.acceptedAt.filter((at) => at > 0).length;
    return {
      ground: ground.name,
      ratePerSecond: options.ratePerSecond,
      seconds,
      load: {
        statuses: result.statuses,
        repeated: result.repeated,
        requests: result.requests,
        posted: result.end - result.first,
        accepted,
        unanswered: result.end - result.first - accepted,
      },
      faults: feltFaults(this.injected, { ...result, arrivedAt }, records.repeats),
      ownExits: this.exits.own,
      stuck: this.stuck,
      drainedAfterMs: afterMs,
      ledger,
      states,
      inbox,
      sink: records.counts,
      notDelivered: result.acceptedAt.filter((at, index) => at > 0 && !((arrivedAt[index] ?? 0) > 0)).length,
    };
  }

  private plan(more: Pick<LoadPlan, 'first' | 'pace'> & Partial<LoadPlan>): LoadPlan {
    return {
      ...this.ground.ingest,
      key: this.audience.key,
      targets: this.audience.targets,
      batch: 1,
      bodyBytes: 300,
      keyPrefix: `${this.audience.accountIds[0]}-`,
      eventsAtMost: Number.MAX_SAFE_INTEGER,
      secondsAtMost: Number.MAX_SAFE_INTEGER,
      repeats: true,
      keepEventIds: true,
      ...more,
    };
  }

  /**
   * Faults overlap where a process takes long to come back (a killed member's group waits for its session to end): the next
   * one comes after a while all the same. Only what is still down is not killed again, and servers are killed when all is up.
   */
  private async injectAll(faults: readonly Fault[], startedAt: number): Promise<void> {
    const { say, secondsAtMost, pauseMs } = this.options;
    const comingBack = new Map<string, Promise<unknown>>();
    for (const [index, fault] of faults.entries()) {
      if (monotonicMs() - startedAt > secondsAtMost * 1_000) {
        say(`time is up: ${faults.length - index} of ${faults.length} faults are left out`);
        break;
      }
      const one = 'process' in fault ? fault.process : null;
      await (one === null ? Promise.all(comingBack.values()) : comingBack.get(one));
      const back = this.injectOne(fault);
      comingBack.set(one ?? describeFault(fault), back);
      await (one === null ? back : Promise.race([back, sleep(OVERLAP_AFTER_MS)]));
      await this.accepting();
      await sleep(pauseMs);
    }
    await Promise.all(comingBack.values());
  }

  private async injectOne(fault: Fault): Promise<void> {
    const { ground, options } = this;
    const name = describeFault(fault);
    const place = this.injected.length;
    const atMs = monotonicMs();
    this.injected.push({ name, atMs, readyAtMs: null });
    await this.inject(fault);
    const readyAtMs = await this.ready('process' in fault ? [fault.process] : ground.processes);
    this.injected[place] = { name, atMs, readyAtMs };
    if (readyAtMs === null) this.stuck.push(name);
    const { posted, accepted } = await this.load.call('progress');
    const { delivered } = await this.sink.call('counts');
    const how = readyAtMs === null ? 'NOT READY in time' : `ready after ${((readyAtMs - atMs) / 1_000).toFixed(1)} s`;
    options.say(`${name}: ${how} (${posted} posted, ${accepted} accepted, ${delivered} at the sink)`);
  }

  private async inject(fault: Fault): Promise<void> {
    const { supervisor } = this.ground;
    const { servers } = this.options;
    switch (fault.kind) {
      case 'kill':
      case 'terminate': {
        const pid = supervisor.pid(fault.process);
        this.exits.expect(fault.process);
        supervisor.kill(fault.process, fault.kind === 'kill' ? 'SIGKILL' : 'SIGTERM');
        await until(
          `${fault.process} is started again`,
          async () => supervisor.pid(fault.process) !== pid,
          READY_WITHIN_MS,
        ).catch(() => undefined);
        return;
      }
      case 'server':
        await servers?.kill(fault.server);
        await sleep(this.options.serverAwayMs);
        await servers?.startAgain(fault.server);
        return;
      case 'flush':
        await servers?.flushRedis();
    }
  }

  /** A fault while nothing flows would test nothing. */
  private async accepting(): Promise<void> {
    const { accepted: before } = await this.load.call('progress');
    const hasAccepted = async () => (await this.load.call('progress')).accepted > before;
    await until('something is accepted', hasAccepted, ACCEPTING_WITHIN_MS).catch(() => undefined);
  }

  /** When all of them answered ready. */
  private async ready(processes: readonly string[]): Promise<number | null> {
    const { ground } = this;
    const each = processes.map((name) => until(`${name} is ready`, () => ground.isReady(name), READY_WITHIN_MS));
    return Promise.all(each).then(monotonicMs, () => null);
  }
}
