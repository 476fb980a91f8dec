/** What one stretch of load showed: from when each event was posted, accepted and delivered to the figures of a report. */
import { availableParallelism } from 'node:os';
import type { ProcessCost } from './accounting.js';
import type { LoadPlan, LoadResult } from './load-generator.js';
import { type Latency, latencyOf } from './percentiles.js';
import type { SinkCounts } from './sink-server.js';

export interface Measured {
  readonly name: string;
  readonly ground: string;
  /** From the start of the processes until all answered ready. */
  readonly readyAfterMs: number;
  readonly accounts: number;
  readonly destinations: number;
  readonly pace: LoadPlan['pace'];
  readonly batch: number;
  readonly loadSeconds: number;
  readonly loadAverageBefore: number;
  /** Share of the machine's CPU that went to neither Herald, its servers nor the bench: what else disturbed the figures. */
  readonly othersShare: number;
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

/** What was seen of a stretch. Times are of one clock (monotonicMs). */
export interface Seen
  extends Pick<
    Measured,
    'name' | 'ground' | 'readyAfterMs' | 'accounts' | 'destinations' | 'pace' | 'batch' | 'loadAverageBefore' | 'costs'
  > {
  readonly result: LoadResult;
  /** Numbers of the accepted events whose deliveries count. */
  readonly expected: readonly number[];
  readonly isIngestOnly: boolean;
  /** By event number; 0 = never. */
  readonly arrivedAt: Float64Array;
  readonly sinkBefore: { readonly counts: SinkCounts; readonly cpuMs: number };
  readonly sinkAfter: { readonly counts: SinkCounts; readonly cpuMs: number };
  readonly benchMs: number;
  /** CPU milliseconds of everything on the machine, and the time they were taken over. */
  readonly busyMs: number;
  readonly wallMs: number;
}

/** Left out of the rate under load: the pipeline fills. */
const FILLING_MS = 1_000;

export function summarize(seen: Seen): Measured {
  const { result, expected, arrivedAt, sinkBefore, sinkAfter, costs } = seen;
  const sentAt = (number: number) => result.sentAt[number - result.first] ?? 0;
  const acceptedAt = (number: number) => result.acceptedAt[number - result.first] ?? 0;
  const accepted = acceptedOf(result);
  const arrived = expected.filter((number) => (arrivedAt[number] ?? 0) > 0);
  const fullAtMs = result.startedAtMs + Math.min(FILLING_MS, (result.endedAtMs - result.startedAtMs) / 4);
  const underLoad = arrived.filter((number) => arrivedAt[number]! >= fullAtMs && arrivedAt[number]! < result.endedAtMs);
  const lastArrival = arrived.reduce((last, number) => Math.max(last, arrivedAt[number]!), result.startedAtMs);
  const loadSeconds = (result.endedAtMs - result.startedAtMs) / 1_000;
  const costMs = costs.reduce((sum, each) => sum + each.cpuMs, 0);
  const sinkMs = sinkAfter.cpuMs - sinkBefore.cpuMs;
  const perEvent = (ms: number) => ms / Math.max(1, accepted.length);
  const { name, ground, readyAfterMs, accounts, destinations, pace, batch, loadAverageBefore } = seen;
  return {
    name,
    ground,
    readyAfterMs,
    accounts,
    destinations,
    pace,
    batch,
    loadSeconds,
    loadAverageBefore,
    othersShare:
      Math.max(0, seen.busyMs - costMs - result.cpuMs - sinkMs - seen.benchMs) / (seen.wallMs * availableParallelism()),
    posted: result.end - result.first,
    accepted: accepted.length,
    acceptedPerSecond: accepted.length / loadSeconds,
    statuses: result.statuses,
    postLatency: latencyOf(accepted.map((number) => acceptedAt(number) - sentAt(number))),
    delivered: arrived.length,
    deliveredPerSecond: arrived.length / Math.max(0.001, (lastArrival - result.startedAtMs) / 1_000),
    deliveredPerSecondUnderLoad: underLoad.length / Math.max(0.001, (result.endedAtMs - fullAtMs) / 1_000),
    fromAcceptance: latencyOf(arrived.map((number) => Math.max(0, arrivedAt[number]! - acceptedAt(number)))),
    fromPost: latencyOf(arrived.map((number) => arrivedAt[number]! - sentAt(number))),
    drainedAfterMs: Math.max(0, lastArrival - result.endedAtMs),
    lost: expected.length - arrived.length,
    duplicates: sinkAfter.counts.duplicates - sinkBefore.counts.duplicates,
    otherIds: sinkAfter.counts.otherIds - sinkBefore.counts.otherIds,
    sink: sinkAfter.counts,
    costs,
    cpuMsPerDelivery: costMs / Math.max(1, seen.isIngestOnly ? accepted.length : arrived.length),
    ownCpuMsPerEvent: { load: perEvent(result.cpuMs), sink: perEvent(sinkMs), bench: perEvent(seen.benchMs) },
  };
}

export function acceptedOf(result: LoadResult): number[] {
  const numbers: number[] = [];
  for (let number = result.first; number < result.end; number += 1) {
    if ((result.acceptedAt[number - result.first] ?? 0) > 0) numbers.push(number);
  }
  return numbers;
}
