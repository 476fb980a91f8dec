/** One ground with its audience, sink and load: measures stretches of load, one after the other. */
import { loadavg } from 'node:os';
import { Accounting, type ProcessCost } from './accounting.js';
import { type Audience, setUpAudience } from './audience.js';
import { type Child, startChild } from './children.js';
import { monotonicMs, sleep } from './clock.js';
import { type Ground, type GroundOptions, startGround } from './ground.js';
import type { LoadCalls } from './load.js';
import type { LoadPlan, LoadResult } from './load-generator.js';
import { acceptedOf, type Measured, summarize } from './measured.js';
import { machineBusyMs } from './processes.js';
import type { SinkCalls } from './sink.js';
import type { EndpointMode, SinkCounts } from './sink-server.js';

export interface Stretch {
  readonly name: string;
  readonly pace: LoadPlan['pace'];
  readonly seconds: number;
  readonly events?: number;
  readonly batch?: number;
  /** Endpoints whose deliveries are measured and waited for; without it all. */
  readonly endpoints?: (endpoint: number) => boolean;
  /** Nothing is delivered: only acceptance is measured. */
  readonly ingestOnly?: boolean;
  /** Called where the load ends, before the rest is waited for. */
  readonly atLoadEnd?: () => Promise<void>;
  /** How long what was accepted may take to arrive once the load has ended. */
  readonly drainSeconds?: number;
}

const WARM_UP_SECONDS = 6;
const DRAIN_SECONDS = 60;
/** Outcomes are written in batches up to 50 ms after the call: the costs' end waits for them. */
const SETTLED_AFTER_MS = 500;

export interface BenchOptions {
  readonly ground: GroundOptions;
  readonly accounts: number;
  readonly destinations: number;
  readonly bodyBytes: number;
  readonly keys: boolean;
  readonly say: (line: string) => void;
}

export class Bench {
  private nextEvent = 0;

  private constructor(
    private readonly options: BenchOptions,
    readonly ground: Ground,
    readonly audience: Audience,
    private readonly sink: Child<SinkCalls>,
    private readonly load: Child<LoadCalls>,
  ) {}

  static async start(options: BenchOptions): Promise<Bench> {
    const sink = startChild<SinkCalls>('./sink.js');
    const load = startChild<LoadCalls>('./load.js');
    try {
      const ground = await startGround(options.ground);
      options.say(`${ground.name}: ready after ${(ground.readyAfterMs / 1_000).toFixed(1)} s`);
      try {
        const sinkPort = await sink.call('listen');
        const { accounts, destinations } = options;
        const audience = await setUpAudience(ground.herald, { accounts, destinations, sinkPort });
        return new Bench(options, ground, audience, sink, load);
      } catch (error) {
        await ground.stop();
        throw error;
      }
    } catch (error) {
      sink.end();
      load.end();
      throw error;
    }
  }

  async stop(): Promise<void> {
    this.load.end();
    this.sink.end();
    await this.ground.stop();
  }

  setMode(endpoint: number, mode: EndpointMode): Promise<void> {
    return this.sink.call('mode', { endpoint, mode });
  }

  sinkCounts(): Promise<SinkCounts> {
    return this.sink.call('counts');
  }

  /** Every path compiled and every cache filled before anything counts. */
  async warmUp(pace: LoadPlan['pace'] = { inFlight: 48 }, batch = 1, ingestOnly = false): Promise<void> {
    await this.measure({ name: 'warm-up', pace, seconds: WARM_UP_SECONDS, batch, ingestOnly });
  }

  /** What everything costs while nothing happens. */
  async rest(seconds: number): Promise<readonly ProcessCost[]> {
    const accounting = new Accounting(this.ground.watched);
    await sleep(seconds * 1_000);
    return accounting.end();
  }

  /** Posts without measuring, e.g. to fill what is bounded. */
  async post(events: number, targets: LoadPlan['targets'], ratePerSecond = 1_000): Promise<void> {
    const result = await this.load.call('run', {
      ...this.plan({ inFlight: 16 }, 1, events, events / ratePerSecond + 30),
      targets,
    });
    this.nextEvent = result.end;
  }

  async measure(stretch: Stretch): Promise<Measured> {
    const batch = stretch.batch ?? 1;
    const plan = this.plan(stretch.pace, batch, stretch.events ?? Number.MAX_SAFE_INTEGER, stretch.seconds);
    const loadAverageBefore = loadavg()[0] ?? 0;
    const before = await this.sink.call('records');
    const own = process.cpuUsage();
    const busyBefore = machineBusyMs();
    const beganAtMs = monotonicMs();
    const accounting = new Accounting(this.ground.watched);
    const result = await this.load.call('run', plan);
    this.nextEvent = Math.ceil(result.end / batch) * batch;
    await stretch.atLoadEnd?.();
    const isMeasured = (number: number) => stretch.endpoints?.(number % this.audience.targets.length) ?? true;
    const expected = stretch.ingestOnly ? [] : acceptedOf(result).filter(isMeasured);
    await this.awaitArrivals(expected, result, before.counts.delivered, stretch.drainSeconds ?? DRAIN_SECONDS);
    await sleep(SETTLED_AFTER_MS);
    const costs = accounting.end();
    const bench = process.cpuUsage(own);
    const machine = { busyMs: machineBusyMs() - busyBefore, wallMs: monotonicMs() - beganAtMs };
    const after = await this.sink.call('records');
    return summarize({
      name: stretch.name,
      ground: this.ground.name,
      readyAfterMs: this.ground.readyAfterMs,
      accounts: this.options.accounts,
      destinations: this.options.destinations,
      pace: stretch.pace,
      batch,
      loadAverageBefore,
      result,
      expected,
      isIngestOnly: stretch.ingestOnly ?? false,
      arrivedAt: after.arrivedAt,
      sinkBefore: before,
      sinkAfter: after,
      costs,
      benchMs: (bench.user + bench.system) / 1_000,
      ...machine,
    });
  }

  private plan(pace: LoadPlan['pace'], batch: number, eventsAtMost: number, secondsAtMost: number): LoadPlan {
    return {
      ...this.ground.ingest,
      key: this.audience.key,
      targets: this.audience.targets,
      batch,
      bodyBytes: this.options.bodyBytes,
      ...(this.options.keys ? { keyPrefix: `${this.audience.accountIds[0]}-` } : {}),
      first: this.nextEvent,
      pace,
      eventsAtMost,
      secondsAtMost,
      repeats: false,
      keepEventIds: false,
    };
  }

  /** Counts are cheap to ask for; the records, which are large, tell some endpoints' arrivals from the others'. */
  private async awaitArrivals(
    expected: readonly number[],
    result: LoadResult,
    deliveredBefore: number,
    seconds: number,
  ): Promise<void> {
    if (expected.length === 0) return;
    const byCount = expected.length === acceptedOf(result).length;
    const haveArrived = async () => {
      if (byCount) return (await this.sink.call('counts')).delivered - deliveredBefore >= expected.length;
      const { arrivedAt } = await this.sink.call('records');
      return expected.every((number) => (arrivedAt[number] ?? 0) > 0);
    };
    const end = monotonicMs() + seconds * 1_000;
    while (monotonicMs() < end && !(await haveArrived())) await sleep(byCount ? 100 : 500);
  }
}
