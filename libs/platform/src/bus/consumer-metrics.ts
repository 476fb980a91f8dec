/** What a process's consumers have open and lie behind: asked when metrics are read, never counted per record. */
import type { Metrics } from '../metrics/metrics.js';
import type { ConsumeOptions, Consumption } from './bus.js';

export interface Watchable extends Consumption {
  readonly options: ConsumeOptions;
  unfinishedOf(topic: string): number;
  /** Received or not: records of this member's partitions that it has not finished. */
  lagOf(topic: string): number;
}

export function watchConsumers(metrics: Metrics, consumers: Iterable<Watchable>): void {
  metrics.gauge('consumer_unfinished', 'Records received and not finished', ['group', 'topic'], (gauge) => {
    for (const consumer of consumers)
      for (const topic of consumer.options.topics)
        gauge.set({ group: consumer.options.group, topic }, consumer.unfinishedOf(topic));
  });
  metrics.gauge('consumer_lag', 'Records not finished yet, as far as is known here', ['group', 'topic'], (gauge) => {
    for (const consumer of consumers)
      for (const topic of consumer.options.topics)
        gauge.set({ group: consumer.options.group, topic }, consumer.lagOf(topic));
  });
  metrics.gauge('consumer_missed', 'Records that expired before they were read', ['group'], (gauge) => {
    for (const consumer of consumers) gauge.set({ group: consumer.options.group }, consumer.missed);
  });
}
