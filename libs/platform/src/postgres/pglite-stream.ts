/**
 * The wire between `pg` and PGlite inside one process: a stream that gives PGlite whole cycles of the protocol, up to their
 * Sync, at once. Cheaper than a socket, and nothing can come between the messages of a cycle
 * (docs/decisions/0002-embedded-database.md).
 * https://www.postgresql.org/docs/17/protocol-message-formats.html
 */
import { Duplex } from 'node:stream';
import type { PgliteHost } from './pglite-host.js';

const SYNC = 0x53;
const QUERY = 0x51;
const PASSWORD = 0x70;
const TERMINATE = 0x58;

export class PgliteStream extends Duplex {
  private pending: Buffer = Buffer.alloc(0);
  private isStarted = false;

  constructor(private readonly lite: Pick<PgliteHost, 'exec'>) {
    super();
  }

  /** As `pg` treats a socket. */
  connect(): this {
    process.nextTick(() => this.emit('connect'));
    return this;
  }
  setNoDelay(): this {
    return this;
  }
  setKeepAlive(): this {
    return this;
  }
  ref(): this {
    return this;
  }
  unref(): this {
    return this;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.feed([chunk], done);
  }

  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.feed(
      chunks.map(({ chunk }) => chunk),
      done,
    );
  }

  override _final(done: () => void): void {
    this.push(null);
    done();
  }

  private feed(chunks: readonly Buffer[], done: (error?: Error | null) => void): void {
    this.pending =
      this.pending.length === 0 && chunks.length === 1 ? chunks[0]! : Buffer.concat([this.pending, ...chunks]);
    const end = this.endOfCycles();
    if (end === 0) {
      done();
      return;
    }
    const cycles = new Uint8Array(this.pending.subarray(0, end));
    this.pending = this.pending.subarray(end);
    this.lite.exec(cycles).then((answer) => {
      if (answer.length > 0) this.push(Buffer.from(answer.buffer, answer.byteOffset, answer.byteLength));
      done();
    }, done);
  }

  /** Where the last complete cycle ends: the startup message, a simple query, or everything up to a Sync. */
  private endOfCycles(): number {
    const { pending } = this;
    let at = 0;
    let end = 0;
    if (!this.isStarted) {
      if (pending.length < 4 || pending.length < pending.readInt32BE(0)) return 0;
      at = end = pending.readInt32BE(0);
      this.isStarted = true;
    }
    while (pending.length - at >= 5) {
      const type = pending[at]!;
      const next = at + 1 + pending.readInt32BE(at + 1);
      if (next > pending.length || type === TERMINATE) break;
      at = next;
      if (type === SYNC || type === QUERY || type === PASSWORD) end = at;
    }
    return end;
  }
}
