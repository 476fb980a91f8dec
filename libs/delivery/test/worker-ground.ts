/** The delivery path on a real database with a scripted provider: what a provider answers is a function of the call. */
import { randomUUID } from 'node:crypto';
import {
  type Channel,
  type ChannelRuntime,
  type Failure,
  failure,
  ProviderError,
  type Receipt,
} from '@herald/channels';
import {
  type AccountId,
  type Content,
  type DeliveryChannel,
  type DeliveryId,
  type DestinationId,
  deliveryChannels,
  type EventId,
  type MessageId,
} from '@herald/contracts';
import { DatabaseClock, InProcessBuckets, Metrics } from '@herald/platform';
import { type Ground, silent } from '@herald/testing';
import { z } from 'zod';
import type { Attempt, Delivery } from '../src/delivery.js';
import { DeliveryWorker } from '../src/delivery-worker.js';
import type { Destination } from '../src/destinations.js';
import { retryDelays } from '../src/retry-delays.js';

export const ok: Receipt = { status: 200, providerCode: 'HTTP 200', providerMessage: 'fine' };
export const down = failure('provider-down', 'HTTP 503', { status: 503, providerMessage: 'busy' });

export interface Call {
  readonly deliveryId: DeliveryId;
  readonly destinationId: string;
  readonly atMs: number;
  readonly signal: AbortSignal;
}
export type Answer = (call: Call, count: number) => Receipt | Failure | Promise<Receipt | Failure>;

export const content: Content = {
  locale: 'en-US',
  title: 'Title',
  body: 'Body',
  translations: {},
  links: [],
  product: null,
  region: null,
  resourceIds: [],
  labels: {},
  dedupKey: null,
};

export function anAttempt(more: Partial<Attempt> = {}): Attempt {
  return {
    startedAt: new Date(),
    durationMs: 3,
    trigger: 'event',
    httpStatus: 200,
    providerCode: 'HTTP 200',
    providerMessage: 'fine',
    error: null,
    retryAfterSeconds: null,
    ambiguous: false,
    ...more,
  };
}

export function aDelivery(more: Partial<Delivery> = {}): Delivery {
  return {
    deliveryId: randomUUID() as DeliveryId,
    acceptedAt: new Date(),
    messageId: randomUUID() as MessageId,
    eventId: randomUUID() as EventId,
    accountId: 'account-1' as AccountId,
    channel: 'webhook',
    destinationId: randomUUID() as DestinationId,
    label: 'ours',
    lane: 'normal',
    category: 'service',
    subtype: 'svc_bill',
    severity: 'info',
    occurredAt: new Date(),
    expiresAt: null,
    ...more,
  };
}

export class FakeRecord {
  isFinished = false;
  isRevoked = false;
  condemned: string | null = null;
  finish(): void {
    this.isFinished = true;
  }
}

export interface Scripted {
  readonly worker: DeliveryWorker;
  readonly calls: Call[];
  readonly health: string[];
  answer: Answer;
  destination: (id: DestinationId) => Destination;
  /** Content that is read by event id. */
  stored: Content | null;
  /** Hands records over as the bus does. */
  receive(...deliveries: Delivery[]): FakeRecord[];
}

export interface ScriptOptions {
  readonly channels?: readonly DeliveryChannel[];
  readonly limits?: (config: unknown) => { key: string; capacity: number; perMs: number }[];
  readonly waits?: string;
  readonly clock?: DatabaseClock;
  readonly buckets?: InProcessBuckets;
}

export async function script(ground: Ground, options: ScriptOptions = {}): Promise<Scripted> {
  const clock = options.clock ?? new DatabaseClock();
  if (!options.clock) {
    await clock.start(ground.database);
    clock.stop();
  }
  const calls: Call[] = [];
  const health: string[] = [];
  const scripted = {
    calls,
    health,
    answer: (() => ok) as Answer,
    destination: ((id) => ({
      state: 'usable',
      config: { id },
      locale: 'en-US',
      revision: 1,
    })) as Scripted['destination'],
    stored: content as Content | null,
  };
  const channel = (id: DeliveryChannel): Channel<{ id: string }, null> => ({
    id,
    config: z.object({ id: z.string() }),
    render: () => ({ payload: null, cut: false }),
    async send(_payload, config, io, message) {
      const call = {
        deliveryId: message.deliveryId,
        destinationId: config.id,
        atMs: performance.now(),
        signal: io.signal,
      };
      calls.push(call);
      const count = calls.filter(({ deliveryId }) => deliveryId === call.deliveryId).length;
      const answer = await scripted.answer(call, count);
      if ('kind' in answer) throw new ProviderError(answer);
      return answer;
    },
    limits: (config) => options.limits?.(config) ?? [],
  });
  const runtime: ChannelRuntime = {
    registry: Object.fromEntries(deliveryChannels.map((id) => [id, channel(id)])) as never,
    isAvailable: () => true,
    io: (_channel, signal) => ({ http: null as never, mail: null, now: () => new Date(), signal }),
    close: async () => {},
  };
  const waits = (options.waits ?? '200ms,200ms,200ms,200ms').split(',').map((text) => Number.parseInt(text, 10));
  const worker = new DeliveryWorker({
    channels: options.channels ?? deliveryChannels,
    runtime,
    database: ground.database,
    buckets: options.buckets ?? new InProcessBuckets(),
    clock,
    destinations: {
      peek: () => undefined,
      load: async ({ destinationId }) => scripted.destination(destinationId),
    },
    contents: { load: async () => scripted.stored },
    health: {
      succeeded: () => health.push('succeeded'),
      failed: (_delivery, _revision, refused) => health.push(refused === null ? 'failed' : `refused ${refused}`),
      gone: async () => {
        health.push('gone');
      },
    },
    delays: retryDelays({
      HERALD_RETRY_DELAYS_WEBHOOK: waits,
      HERALD_RETRY_DELAYS_CHAT: waits,
      HERALD_RETRY_DELAYS_EMAIL: waits,
    }),
    publicUrl: 'https://herald.example.com',
    condemn: async (record, reason) => {
      (record as FakeRecord).condemned = reason;
    },
    logger: silent,
    metrics: new Metrics(),
    random: () => 0.5,
  });
  return Object.assign(scripted, {
    worker,
    receive(...deliveries: Delivery[]) {
      const records = deliveries.map(() => new FakeRecord());
      worker.receive(deliveries.map((delivery, index) => ({ record: records[index]!, delivery, content })));
      return records;
    },
  });
}

/** Waits for a condition; the last failure is the message. */
export async function until<Value>(
  what: string,
  probe: () => Promise<Value> | Value,
  timeoutMs = 10_000,
): Promise<NonNullable<Value>> {
  const end = performance.now() + timeoutMs;
  for (;;) {
    const found = await probe();
    if (found) return found as NonNullable<Value>;
    if (performance.now() > end) throw new Error(`not seen within ${timeoutMs} ms: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

export interface Row {
  readonly status: string;
  readonly reason: string | null;
  readonly pass: number;
  readonly attempt_count: number;
  readonly attempts: { readonly by: string; readonly error?: string; readonly ambiguous?: true }[];
  readonly state: string | null;
  readonly due_at: Date | null;
  readonly last_at: Date | null;
  readonly fence: number | null;
  readonly spent: number | null;
}

export async function rowOf(ground: Ground, delivery: Delivery): Promise<Row | undefined> {
  const { rows } = await ground.database.query<Row>(
    `select d.status, d.reason, d.pass, d.attempt_count, d.attempts, o.state, o.due_at, o.last_at, o.fence, o.spent
     from delivery.delivery d left join delivery.open o on o.delivery_id = d.delivery_id where d.delivery_id = $1`,
    [delivery.deliveryId],
  );
  return rows[0];
}
