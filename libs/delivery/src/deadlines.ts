/**
 * Ends attempts after one and the same limit, with one timer for all (semantics 17): what starts first is due first, so a
 * queue is enough.
 */
const ANSWER_AFTER_ABORT_MS = 100;

interface Deadline {
  readonly dueMs: number;
  readonly controller: AbortController;
  onDue: (() => void) | null;
}

export class Deadlines {
  private readonly queue: Deadline[] = [];
  private head = 0;
  private timer: NodeJS.Timeout | undefined;

  constructor(private readonly limitMs: number) {}

  /** Runs `work` with a signal that aborts at the limit; then `onLate` answers instead, even if `work` never settles. */
  run<Result>(work: (signal: AbortSignal) => Promise<Result>, onLate: () => Result): Promise<Result> {
    return new Promise<Result>((resolve, reject) => {
      const controller = new AbortController();
      const deadline: Deadline = {
        dueMs: performance.now() + this.limitMs,
        controller,
        onDue: () => resolve(onLate()),
      };
      this.queue.push(deadline);
      this.skipSettled();
      this.arm();
      work(controller.signal).then(
        (result) => {
          deadline.onDue = null;
          resolve(result);
        },
        (error) => {
          deadline.onDue = null;
          reject(error);
        },
      );
    });
  }

  private arm(): void {
    if (this.timer) return;
    const first = this.queue[this.head];
    if (!first) return;
    this.timer = setTimeout(
      () => {
        this.timer = undefined;
        this.expire();
        this.arm();
      },
      Math.max(first.dueMs - performance.now(), 50),
    );
    this.timer.unref();
  }

  private expire(): void {
    const now = performance.now();
    for (let first = this.queue[this.head]; first && first.dueMs <= now; first = this.queue[this.head]) {
      const { onDue } = first;
      first.onDue = null;
      this.skipSettled();
      if (!onDue) continue;
      first.controller.abort();
      // The work knows best what it had done by then: whether a request was written, for one. It has a moment to say so.
      setTimeout(onDue, ANSWER_AFTER_ABORT_MS).unref();
    }
    this.skipSettled();
  }

  private skipSettled(): void {
    while (this.queue[this.head]?.onDue === null) this.head += 1;
    if (this.head < 256 || this.head * 2 < this.queue.length) return;
    this.queue.splice(0, this.head);
    this.head = 0;
  }
}
