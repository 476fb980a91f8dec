/** The sandbox's time: what the caller named at the start, moved by an offset that tests set while it runs. */
export class Clock {
  offsetMs = 0;

  constructor(private readonly source: () => number = Date.now) {}

  now(): number {
    return this.source() + this.offsetMs;
  }
}
