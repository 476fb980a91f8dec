/** One ground with its audience, sink and load: measures stretches of load, one after the other. */
import { loadavg } from 'node:os';
import { Accounting, type ProcessCost } from './accounting.js';
import { type Audience, setUpAudience } from './audience.js';
import { type Child, startChild } from './children.js';
import { monotonicMs, sleep } from './clock.js';
import { type Ground, type GroundOptions, startGround } from './ground.js';
import type { LoadCalls } from './load.js';
import type { LoadPlan, LoadResult } from './load-generator.js';
import { type Latency, latencyOf } from './percentiles.js';
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

export interface Measured {
  readonly name: string;
  readonly ground: string;
  readonly accounts: number;
  readonly destinations: number;
  readonly pace: LoadPlan['pace'];
  readonly batch: number;
  readonly loadSeconds: number;
  readonly loadAverageBefore: number;
  readonly posted: number;
  readonly accepted: number;
  readonly acceptedPerSecond: number;
  readonly statuses: Readonly<Record<string, number>>;
  readonly postLatency: Latency;
  readonly delivered: number;
  /** Over the time from the first post to the last delivery: a backlog left by the load counts against it. */
  readonly deliveredPerSecond: number;
  /** While the load ran, first second left out. */
  readonly deliveredPerSecondUnderLoad: number;
  /** From the 202's arrival at the poster to the call's arrival at the sink; what arrived before its 202 counts as 0. */
  readonly fromAcceptance: Latency;
  /** From the post (open loop: from when it was due) to the call's arrival at the sink: includes acceptance. */
  readonly fromPost: Latency;
  /** From the load's end until the last delivery. */
  readonly drainedAfterMs: number;
  readonly lost: number;
  readonly duplicates: number;
  readonly otherIds: number;
  readonly sink: SinkCounts;
  /** Herald's processes and its servers. */
  readonly costs: readonly ProcessCost[];
  readonly cpuMsPerDelivery: number;
  /** What measuring itself took of the machine, CPU milliseconds per event. */
  readonly ownCpuMsPerEvent: { readonly load: number; readonly sink: number; readonly bench: number };
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
    const after = await this.sink.call('records');
    return this.summarize(stretch, {
      batch,
      loadAverageBefore,
      result,
      expected,
      costs,
      after,
      before,
      benchMs: (bench.user + bench.system) / 1_000,
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

  private summarize(
    stretch: Stretch,
    of: {
      batch: number;
      loadAverageBefore: number;
      result: LoadResult;
      expected: readonly number[];
      costs: ProcessCost[];
      before: { counts: SinkCounts; cpuMs: number };
      after: { counts: SinkCounts; cpuMs: number; arrivedAt: Float64Array };
      benchMs: number;
    },
  ): Measured {
    const { result, expected, after, before } = of;
    const postLatencies: number[] = [];
    const fromAcceptance: number[] = [];
    const fromPost: number[] = [];
    for (const number of acceptedOf(result))
      postLatencies.push(at(result.acceptedAt, number, result) - at(result.sentAt, number, result));
    let lastArrival = result.startedAtMs;
    let underLoad = 0;
    const warmAtMs = result.startedAtMs + Math.min(1_000, (result.endedAtMs - result.startedAtMs) / 4);
    for (const number of expected) {
      const arrived = after.arrivedAt[number] ?? 0;
      if (arrived === 0) continue;
      fromAcceptance.push(Math.max(0, arrived - at(result.acceptedAt, number, result)));
      fromPost.push(arrived - at(result.sentAt, number, result));
      lastArrival = Math.max(lastArrival, arrived);
      if (arrived >= warmAtMs && arrived < result.endedAtMs) underLoad += 1;
    }
    const delivered = fromPost.length;
    const accepted = postLatencies.length;
    const loadSeconds = (result.endedAtMs - result.startedAtMs) / 1_000;
    const cpuMs = of.costs.reduce((sum, each) => sum + each.cpuMs, 0);
    const perEvent = (ms: number) => ms / Math.max(1, accepted);
    return {
      name: stretch.name,
      ground: this.ground.name,
      accounts: this.options.accounts,
      destinations: this.options.destinations,
      pace: stretch.pace,
      batch: of.batch,
      loadSeconds,
      loadAverageBefore: of.loadAverageBefore,
      posted: result.end - result.first,
      accepted,
      acceptedPerSecond: accepted / loadSeconds,
      statuses: result.statuses,
      postLatency: latencyOf(postLatencies),
      delivered,
      deliveredPerSecond: delivered / Math.max(0.001, (lastArrival - result.startedAtMs) / 1_000),
      deliveredPerSecondUnderLoad: underLoad / Math.max(0.001, (result.endedAtMs - warmAtMs) / 1_000),
      fromAcceptance: latencyOf(fromAcceptance),
      fromPost: latencyOf(fromPost),
      drainedAfterMs: Math.max(0, lastArrival - result.endedAtMs),
      lost: expected.length - delivered,
      duplicates: after.counts.duplicates - before.counts.duplicates,
      otherIds: after.counts.otherIds - before.counts.otherIds,
      sink: after.counts,
      costs: of.costs,
      cpuMsPerDelivery: cpuMs / Math.max(1, stretch.ingestOnly ? accepted : delivered),
      ownCpuMsPerEvent: {
        load: perEvent(result.cpuMs),
        sink: perEvent(after.cpuMs - before.cpuMs),
        bench: perEvent(of.benchMs),
      },
    };
  }
}

const at = (column: Float64Array, number: number, { first }: LoadResult): number => column[number - first] ?? 0;

function acceptedOf(result: LoadResult): number[] {
  const numbers: number[] = [];
  for (let number = result.first; number < result.end; number += 1) {
    if (at(result.acceptedAt, number, result) > 0) numbers.push(number);
  }
  return numbers;
}
