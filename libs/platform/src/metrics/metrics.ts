/** One registry per process. Labels are closed sets, never ids. Asking twice for a name answers the same metric. */
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30];

export class Metrics {
  readonly registry = new Registry();

  constructor(options: { readonly withProcess?: boolean } = {}) {
    if (options.withProcess) collectDefaultMetrics({ register: this.registry });
  }

  counter(name: string, help: string, labelNames: readonly string[] = []): Counter {
    return this.once(
      name,
      () => new Counter({ name: `herald_${name}`, help, labelNames: [...labelNames], registers: [this.registry] }),
    );
  }

  /** `read` is asked for the value whenever metrics are read. */
  gauge(name: string, help: string, labelNames: readonly string[] = [], read?: (gauge: Gauge) => void): Gauge {
    return this.once(name, () => {
      const gauge: Gauge = new Gauge({
        name: `herald_${name}`,
        help,
        labelNames: [...labelNames],
        registers: [this.registry],
        ...(read ? { collect: () => read(gauge) } : {}),
      });
      return gauge;
    });
  }

  /** Buckets in seconds. */
  histogram(
    name: string,
    help: string,
    labelNames: readonly string[] = [],
    buckets: readonly number[] = SECONDS,
  ): Histogram {
    return this.once(
      name,
      () =>
        new Histogram({
          name: `herald_${name}`,
          help,
          labelNames: [...labelNames],
          buckets: [...buckets],
          registers: [this.registry],
        }),
    );
  }

  private once<Metric>(name: string, make: () => Metric): Metric {
    return (this.registry.getSingleMetric(`herald_${name}`) as Metric | undefined) ?? make();
  }
}
