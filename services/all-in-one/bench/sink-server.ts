/**
 * The webhooks' other end: answers at once, holds or refuses as told, and remembers when each event arrived and under
 * which webhook-id. Verifies no signatures and speaks just enough HTTP: it shall cost next to nothing.
 */
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { monotonicMs } from './clock.js';
import { Column } from './columns.js';
import { EVENT_MARK } from './posts.js';

/** A call for an event that had been answered with 200 before. */
export interface RepeatedCall {
  readonly number: number;
  readonly atMs: number;
}

/** Answers 200, holds the call without an answer, or answers with this status. */
export type EndpointMode = 'ok' | 'hang' | 503 | 500;

export interface SinkCounts {
  /** Different events answered with 200. */
  readonly delivered: number;
  /** Calls answered with 200 beyond the first for their event. */
  readonly duplicates: number;
  /** Repeated calls for an event under another webhook-id than its first: must stay 0. */
  readonly otherIds: number;
  readonly refused: number;
  readonly held: number;
  /** Most calls that were held at a time. */
  readonly heldAtMost: number;
  readonly unreadable: number;
}

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const refusal = (status: number) => `HTTP/1.1 ${status} No\r\ncontent-length: 2\r\n\r\nno`;

export class SinkServer {
  private readonly server: Server;
  private readonly sockets = new Set<Socket>();
  private readonly arrivedAt = new Column();
  private readonly firstId = new Column(-1);
  private readonly modes = new Map<number, EndpointMode>();
  private readonly repeated: RepeatedCall[] = [];
  private delivered = 0;
  private otherIds = 0;
  private refused = 0;
  private held = 0;
  private heldAtMost = 0;
  private unreadable = 0;

  constructor() {
    this.server = createServer({ noDelay: true }, (socket) => this.serve(socket));
  }

  /** Answers the port. */
  listen(): Promise<number> {
    return new Promise((resolve) => {
      this.server.listen(0, '127.0.0.1', () => resolve((this.server.address() as AddressInfo).port));
    });
  }

  close(): void {
    this.server.close();
    for (const socket of this.sockets) socket.destroy();
  }

  setMode(endpoint: number, mode: EndpointMode): void {
    this.modes.set(endpoint, mode);
  }

  get counts(): SinkCounts {
    const { delivered, otherIds, refused, held, heldAtMost, unreadable } = this;
    return { delivered, duplicates: this.repeated.length, otherIds, refused, held, heldAtMost, unreadable };
  }

  /** By event number: when it was first answered with 200; 0 = not yet. */
  get arrivals(): Float64Array {
    return this.arrivedAt.toArray();
  }

  get repeats(): readonly RepeatedCall[] {
    return this.repeated;
  }

  private serve(socket: Socket): void {
    let rest: Buffer | null = null;
    let holding = 0;
    this.sockets.add(socket);
    socket.on('data', (chunk) => {
      let bytes = rest ? Buffer.concat([rest, chunk]) : chunk;
      for (;;) {
        const headEnd = bytes.indexOf('\r\n\r\n');
        if (headEnd < 0) break;
        const head = bytes.toString('latin1', 0, headEnd);
        const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
        if (length === undefined) {
          this.unreadable += 1;
          socket.end('HTTP/1.1 411 Length Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
          return;
        }
        const end = headEnd + 4 + Number(length);
        if (bytes.length < end) break;
        const answer = this.answer(head, bytes.subarray(headEnd + 4, end));
        if (answer !== null) socket.write(answer);
        else {
          holding += 1;
          this.held += 1;
          this.heldAtMost = Math.max(this.heldAtMost, this.held);
        }
        bytes = bytes.subarray(end);
      }
      rest = bytes.length > 0 ? bytes : null;
    });
    socket.on('error', () => socket.destroy());
    socket.on('close', () => {
      this.held -= holding;
      this.sockets.delete(socket);
    });
  }

  /** For `POST /e/<endpoint>`; null where the call is held. */
  private answer(head: string, body: Buffer): string | null {
    const number = eventNumber(body);
    const endpoint = Number(/^POST \/e\/(\d+)/.exec(head)?.[1] ?? Number.NaN);
    const id = /\r\nwebhook-id: *([0-9a-f-]{36})/i.exec(head)?.[1];
    if (number < 0 || Number.isNaN(endpoint) || id === undefined) {
      this.unreadable += 1;
      return refusal(400);
    }
    // 48 bits of it tell two ids apart, and a column of numbers is all that a run has to keep.
    const compactId = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
    const knownId = this.firstId.get(number);
    if (knownId < 0) this.firstId.set(number, compactId);
    else if (knownId !== compactId) this.otherIds += 1;
    const mode = this.modes.get(endpoint) ?? 'ok';
    if (mode === 'hang') return null;
    if (mode !== 'ok') {
      this.refused += 1;
      return refusal(mode);
    }
    if (this.arrivedAt.get(number) > 0) this.repeated.push({ number, atMs: monotonicMs() });
    else {
      this.arrivedAt.set(number, monotonicMs());
      this.delivered += 1;
    }
    return OK;
  }
}

/** The event's number stands behind its mark, in nine digits; -1 where there is none. */
function eventNumber(body: Buffer): number {
  const at = body.indexOf(EVENT_MARK);
  const number =
    at < 0 ? Number.NaN : Number(body.toString('latin1', at + EVENT_MARK.length, at + EVENT_MARK.length + 9));
  return Number.isNaN(number) ? -1 : number;
}
