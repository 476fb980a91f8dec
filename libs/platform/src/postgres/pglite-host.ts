/** The other side of pglite-thread.ts: starts the thread and hands it cycles of the protocol, one after the other. */
import { Worker } from 'node:worker_threads';

export type ToThread = { readonly kind: 'cycles'; readonly cycles: Uint8Array } | { readonly kind: 'close' };
export type FromThread =
  | { readonly kind: 'open' }
  | { readonly kind: 'answer'; readonly answer: Uint8Array }
  | { readonly kind: 'closed' }
  | { readonly kind: 'failed'; readonly message: string };

/** The compiled thread: the same file from `src` and from `dist`. */
const THREAD = new URL('../../dist/postgres/pglite-thread.js', import.meta.url);

interface Asked {
  readonly resolve: (message: FromThread) => void;
  readonly reject: (error: Error) => void;
}

export class PgliteHost {
  private readonly asked: Asked[] = [];

  private constructor(private readonly thread: Worker) {
    thread.on('message', (message: FromThread) => {
      const asked = this.asked.shift();
      if (message.kind === 'failed') asked?.reject(new Error(`PGlite: ${message.message}`));
      else asked?.resolve(message);
    });
    thread.on('error', (error) => this.fail(error));
    thread.on('exit', () => this.fail(new Error('PGlite has ended')));
  }

  /** Rejects where the folder can't be opened. */
  static async open(dataDir: string): Promise<PgliteHost> {
    const host = new PgliteHost(new Worker(THREAD, { workerData: { dataDir } }));
    await new Promise<FromThread>((resolve, reject) => host.asked.push({ resolve, reject }));
    return host;
  }

  /** Whole cycles of the protocol → what PostgreSQL answers. `cycles` may be used no more. */
  async exec(cycles: Uint8Array<ArrayBuffer>): Promise<Uint8Array> {
    const answer = await this.ask({ kind: 'cycles', cycles }, [cycles.buffer]);
    return answer.kind === 'answer' ? answer.answer : new Uint8Array();
  }

  async close(): Promise<void> {
    await this.ask({ kind: 'close' });
    await this.thread.terminate();
  }

  private ask(message: ToThread, transfer: ArrayBuffer[] = []): Promise<FromThread> {
    return new Promise((resolve, reject) => {
      this.asked.push({ resolve, reject });
      this.thread.postMessage(message, transfer);
    });
  }

  private fail(error: Error): void {
    for (const { reject } of this.asked.splice(0)) reject(error);
  }
}
