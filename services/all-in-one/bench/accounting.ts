/** CPU and peak memory of every process over a measured stretch. */
import { cpuMs, memoryMb, type Watched } from './processes.js';

const SAMPLE_EVERY_MS = 1_000;

export interface ProcessCost {
  readonly name: string;
  readonly cpuMs: number;
  readonly peakMb: number;
}

export class Accounting {
  private readonly before: Map<string, number>;
  private readonly peaks = new Map<string, number>();
  private readonly timer: NodeJS.Timeout;

  constructor(private readonly watched: readonly Watched[]) {
    this.before = new Map(watched.map((each) => [each.name, cpuMs(each)]));
    this.sample();
    this.timer = setInterval(() => this.sample(), SAMPLE_EVERY_MS);
  }

  end(): ProcessCost[] {
    clearInterval(this.timer);
    this.sample();
    return this.watched.map((each) => ({
      name: each.name,
      cpuMs: Math.max(0, cpuMs(each) - (this.before.get(each.name) ?? 0)),
      peakMb: this.peaks.get(each.name) ?? 0,
    }));
  }

  private sample(): void {
    for (const each of this.watched) {
      this.peaks.set(each.name, Math.max(this.peaks.get(each.name) ?? 0, memoryMb(each)));
    }
  }
}
