/**
 * The webhooks' other end, in a process of its own: answers at once, holds or refuses as told, and remembers when each
 * event arrived and under which webhook-id. Verifies no signatures: it shall cost next to nothing.
 */
import { createServer, type Socket } from 'node:net';
import { serve } from './children.js';
import { monotonicMs } from './clock.js';
import { Column } from './columns.js';
import { EVENT_MARK } from './posts.js';

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

export interface SinkRecords {
  /** By event number: when it was first answered with 200; 0 = not yet. */
  readonly arrivedAt: Float64Array;
  readonly counts: SinkCounts;
  readonly cpuMs: number;
}

const OK = 'HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok';
const refusal = (status: number) => `HTTP/1.1 ${status} No\r\ncontent-length: 2\r\n\r\nno`;

const arrivedAt = new Column();
const firstId = new Column(-1);
const modes = new Map<number, EndpointMode>();
let delivered = 0;
let duplicates = 0;
let otherIds = 0;
let refused = 0;
let held = 0;
let heldAtMost = 0;
let unreadable = 0;

const server = createServer({ noDelay: true }, (socket) => {
  let rest: Buffer | null = null;
  let holding = 0;
  socket.on('data', (chunk) => {
    let bytes = rest ? Buffer.concat([rest, chunk]) : chunk;
    for (;;) {
      const headEnd = bytes.indexOf('\r\n\r\n');
      if (headEnd < 0) break;
      const head = bytes.toString('latin1', 0, headEnd);
      const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1];
      if (length === undefined) {
        unreadable += 1;
        socket.end('HTTP/1.1 411 Length Required\r\ncontent-length: 0\r\nconnection: close\r\n\r\n');
        return;
      }
      const end = headEnd + 4 + Number(length);
      if (bytes.length < end) break;
      if (answer(socket, head, bytes.subarray(headEnd + 4, end))) {
        holding += 1;
        held += 1;
        heldAtMost = Math.max(heldAtMost, held);
      }
      bytes = bytes.subarray(end);
    }
    rest = bytes.length > 0 ? bytes : null;
  });
  socket.on('error', () => socket.destroy());
  socket.on('close', () => {
    held -= holding;
  });
});

/** `POST /e/<endpoint> …`. True where the call is held. */
function answer(socket: Socket, head: string, body: Buffer): boolean {
  const number = eventNumber(body);
  const endpoint = Number(/^POST \/e\/(\d+)/.exec(head)?.[1] ?? Number.NaN);
  const id = /\r\nwebhook-id: *([0-9a-f-]{36})/i.exec(head)?.[1];
  if (number < 0 || Number.isNaN(endpoint) || id === undefined) {
    unreadable += 1;
    socket.write(refusal(400));
    return false;
  }
  const compactId = Number.parseInt(id.slice(0, 8) + id.slice(9, 13), 16);
  const knownId = firstId.get(number);
  if (knownId < 0) firstId.set(number, compactId);
  else if (knownId !== compactId) otherIds += 1;
  const mode = modes.get(endpoint) ?? 'ok';
  if (mode === 'hang') return true;
  if (mode !== 'ok') {
    refused += 1;
    socket.write(refusal(mode));
    return false;
  }
  if (arrivedAt.get(number) > 0) duplicates += 1;
  else {
    arrivedAt.set(number, monotonicMs());
    delivered += 1;
  }
  socket.write(OK);
  return false;
}

/** The event's number stands behind its mark, in nine digits; -1 where there is none. */
function eventNumber(body: Buffer): number {
  const at = body.indexOf(EVENT_MARK);
  const number =
    at < 0 ? Number.NaN : Number(body.toString('latin1', at + EVENT_MARK.length, at + EVENT_MARK.length + 9));
  return Number.isNaN(number) ? -1 : number;
}

const counts = (): SinkCounts => ({ delivered, duplicates, otherIds, refused, held, heldAtMost, unreadable });

export const sinkCalls = {
  listen: () =>
    new Promise<number>((resolve) => {
      server.listen(0, '127.0.0.1', () => resolve((server.address() as { port: number }).port));
    }),
  mode: ({ endpoint, mode }: { endpoint: number; mode: EndpointMode }) => {
    modes.set(endpoint, mode);
  },
  counts: (_: undefined) => counts(),
  records: (_: undefined): SinkRecords => {
    const { user, system } = process.cpuUsage();
    return { arrivedAt: arrivedAt.toArray(), counts: counts(), cpuMs: (user + system) / 1_000 };
  },
};
export type SinkCalls = typeof sinkCalls;

serve(sinkCalls);
