/** The sink as a process. */
import { serve } from './children.js';
import { type EndpointMode, type RepeatedCall, type SinkCounts, SinkServer } from './sink-server.js';

export interface SinkRecords {
  /** By event number: when it was first answered with 200; 0 = not yet. */
  readonly arrivedAt: Float64Array;
  readonly repeats: readonly RepeatedCall[];
  readonly counts: SinkCounts;
  readonly cpuMs: number;
}

const sink = new SinkServer();

export const sinkCalls = {
  listen: (_: undefined) => sink.listen(),
  mode: ({ endpoint, mode }: { endpoint: number; mode: EndpointMode }) => sink.setMode(endpoint, mode),
  counts: (_: undefined) => sink.counts,
  records: (_: undefined): SinkRecords => {
    const { user, system } = process.cpuUsage();
    return { arrivedAt: sink.arrivals, repeats: sink.repeats, counts: sink.counts, cpuMs: (user + system) / 1_000 };
  },
};
export type SinkCalls = typeof sinkCalls;

serve(sinkCalls);
