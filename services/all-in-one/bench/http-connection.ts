/**
 * One keep-alive HTTP/1.1 connection, one request at a time, on a bare socket: about a fifth of the CPU of a general
 * client, which matters where the load runs on the very cores it measures. Understands answers with a Content-Length, no others.
 */
import { createConnection, type Socket } from 'node:net';

/** `status` 0: no answer came, `body` says why. */
export type OnAnswer = (status: number, body: string) => void;

export class HttpConnection {
  private socket: Socket | null = null;
  private received: Buffer | null = null;
  private onAnswer: OnAnswer | null = null;
  private sentAtMs = 0;

  constructor(
    private readonly host: string,
    private readonly port: number,
  ) {}

  get isBusy(): boolean {
    return this.onAnswer !== null;
  }

  /** `request` is head and body as they go over the wire (ASCII). */
  send(request: string, onAnswer: OnAnswer): void {
    if (this.onAnswer) throw new Error('a connection takes one request at a time');
    this.onAnswer = onAnswer;
    this.sentAtMs = Date.now();
    this.socket ??= this.open();
    this.socket.write(request, 'latin1');
  }

  /** Gives up on an answer that is overdue; the next request opens a new socket. */
  dropIfOlderThan(ms: number): void {
    if (this.onAnswer && Date.now() - this.sentAtMs > ms) this.lose('no answer in time');
  }

  close(): void {
    this.onAnswer = null;
    this.lose('closed by us');
  }

  private open(): Socket {
    const socket = createConnection({ host: this.host, port: this.port, noDelay: true });
    socket.on('data', (chunk) => {
      if (socket === this.socket) this.take(chunk);
    });
    socket.on('error', (error) => {
      if (socket === this.socket) this.lose((error as NodeJS.ErrnoException).code ?? error.message);
    });
    socket.on('close', () => {
      if (socket === this.socket) this.lose('closed');
    });
    return socket;
  }

  private take(chunk: Buffer): void {
    const bytes = this.received ? Buffer.concat([this.received, chunk]) : chunk;
    const headEnd = bytes.indexOf('\r\n\r\n');
    if (headEnd < 0) {
      this.received = bytes;
      return;
    }
    const head = bytes.toString('latin1', 0, headEnd);
    const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
    if (length === undefined) {
      this.lose(`an answer without a Content-Length: ${head.slice(0, 40)}`);
      return;
    }
    const end = headEnd + 4 + Number(length);
    if (bytes.length < end) {
      this.received = bytes;
      return;
    }
    this.received = null;
    const status = Number(head.slice(9, 12));
    const body = bytes.toString('latin1', headEnd + 4, end);
    if (/\r\nconnection: *close/i.test(head)) this.abandon();
    const answered = this.onAnswer;
    this.onAnswer = null;
    answered?.(status, body);
  }

  private lose(reason: string): void {
    this.abandon();
    const answered = this.onAnswer;
    this.onAnswer = null;
    answered?.(0, reason);
  }

  private abandon(): void {
    const socket = this.socket;
    this.socket = null;
    this.received = null;
    socket?.destroy();
  }
}
