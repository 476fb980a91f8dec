/**
 * One post, from what was sent to "accepted": validated, known, not a conflicting repeat, and on the bus before it is
 * answered. Every way in (single, batch, CloudEvents) ends here.
 */
import {
  type AccountId,
  type EventBody,
  type EventIdentity,
  eventAccepted,
  eventId,
  eventSchema,
  type EventId,
  findSubtype,
  type Subtype,
} from '@herald/contracts';
import {
  type Buckets,
  type Bus,
  BusUnavailable,
  type DatabaseClock,
  type FieldError,
  fieldErrors,
  Problem,
  type ProducerCaller,
  RecordTooLarge,
  unavailable,
} from '@herald/platform';
import type { AccountDirectory } from '@herald/subscriptions';
import { acceptedEvent } from './accepted-event.js';
import { fingerprint } from './fingerprint.js';
import type { RememberedEvents } from './remembered-events.js';

/** More posts than this at a time are refused: waiting longer would only make their callers give up. */
const POSTS_AT_MOST = 5_000;

export interface Post {
  readonly body: unknown;
  /** From the header or the CloudEvent; a key in the body counts the same. */
  readonly identity: EventIdentity | null;
  readonly requestId: string | null;
}

export interface Accepted {
  readonly eventId: EventId;
  readonly isReplay: boolean;
}

export interface IntakeParts {
  readonly bus: Bus;
  readonly buckets: Buckets;
  readonly clock: DatabaseClock;
  readonly accounts: AccountDirectory;
  readonly remembered: RememberedEvents;
}

export class EventIntake {
  private posts = 0;
  private isDraining = false;

  constructor(private readonly parts: IntakeParts) {}

  drain(): void {
    this.isDraining = true;
  }

  /** Throws a Problem that says what is wrong. */
  async accept(producer: ProducerCaller, post: Post): Promise<Accepted> {
    if (this.isDraining) throw unavailable('This process is ending. Try again.');
    if (this.posts >= POSTS_AT_MOST) throw unavailable('Too many posts at a time. Try again.');
    this.posts += 1;
    try {
      return await this.acceptOne(producer, post);
    } finally {
      this.posts -= 1;
    }
  }

  private async acceptOne(producer: ProducerCaller, post: Post): Promise<Accepted> {
    const parsed = eventSchema.safeParse(post.body);
    const faults: FieldError[] = parsed.success ? [] : fieldErrors(parsed.error);
    const sent = (typeof post.body === 'object' && post.body !== null ? post.body : {}) as Partial<EventBody>;
    const subtype = typeof sent.subtype === 'string' ? knownSubtype(sent.subtype) : undefined;
    if (subtype && !mayEmit(producer, subtype)) {
      throw new Problem(403, `This key may not emit the category ${subtype.category}.`);
    }
    if (typeof sent.subtype === 'string' && !subtype) faults.push({ path: '/subtype', message: 'is not a known message type' });
    const now = this.parts.clock.now();
    if (parsed.success && parsed.data.expiresAt !== undefined && Date.parse(parsed.data.expiresAt) <= now.getTime()) {
      faults.push({ path: '/expiresAt', message: 'has passed' });
    }
    const identity = identityOf(post.identity, sent.id, faults);
    if (parsed.success) faults.push(...(await this.unknownAccounts(parsed.data)));
    if (faults.length > 0 || !parsed.success || !subtype) throw new Problem(422, 'The event is not valid.', { errors: faults });
    await this.respectRate(producer);

    const id = eventId(producer.producerId, identity);
    const print = fingerprint(post.body as Record<string, unknown>);
    if (identity !== null) {
      const known = await this.parts.remembered.find(id);
      if (known) return replayOf(id, known.fingerprint === print);
    }
    const event = acceptedEvent(parsed.data, subtype, {
      eventId: id,
      producerId: producer.producerId,
      acceptedAt: now,
      fingerprint: print,
      requestId: post.requestId,
    });
    await this.publish(eventAccepted(event.lane), parsed.data.accountId ?? id, JSON.stringify(event));
    const remembering = this.parts.remembered.remember(id, { fingerprint: print, producerId: producer.producerId, acceptedAt: event.acceptedAt });
    if (identity !== null) await remembering;
    return { eventId: id, isReplay: false };
  }

  private async unknownAccounts(event: EventBody): Promise<FieldError[]> {
    const { accountId, audience } = event;
    if (accountId !== undefined) {
      const id = accountId as AccountId;
      if (this.parts.accounts.isKnown(id) || (await this.parts.accounts.unknownOf([id])).length === 0) return [];
      return [{ path: '/accountId', message: `is not a known account: ${id}` }];
    }
    if (!audience || !('accountIds' in audience)) return [];
    const ids = audience.accountIds as AccountId[];
    const unknown = new Set(await this.parts.accounts.unknownOf(ids));
    if (unknown.size === 0) return [];
    return ids.flatMap((id, index) => (unknown.has(id) ? [{ path: `/audience/accountIds/${index}`, message: `is not a known account: ${id}` }] : [])).slice(0, 100);
  }

  private async respectRate({ producerId, ratePerSecond }: ProducerCaller): Promise<void> {
    if (ratePerSecond === null) return;
    const limit = { key: `producer:${producerId}`, capacity: Math.max(1, ratePerSecond), perMs: Math.max(1, ratePerSecond) * (1_000 / ratePerSecond) };
    const waitMs = await this.parts.buckets.take([limit]);
    if (waitMs === 0) return;
    throw new Problem(429, `This producer may send ${ratePerSecond} events a second.`, {
      headers: { 'retry-after': String(Math.ceil(waitMs / 1_000)) },
    });
  }

  private async publish(topic: string, key: string, value: string): Promise<void> {
    try {
      await this.parts.bus.publish([{ topic, key, value }]);
    } catch (error) {
      if (error instanceof RecordTooLarge) throw new Problem(413, 'The event is larger than the bus takes.');
      if (error instanceof BusUnavailable) throw unavailable('The bus has not acknowledged the event. A repeat with the same key is harmless.', 2);
      throw error;
    }
  }
}

function knownSubtype(code: string): Subtype | undefined {
  const subtype = findSubtype(code);
  return subtype?.hidden ? undefined : subtype;
}

function mayEmit(producer: ProducerCaller, subtype: Subtype): boolean {
  return producer.categories.includes('*') || producer.categories.includes(subtype.category);
}

/** The header's key and the body's are one namespace (semantics 2). */
function identityOf(given: EventIdentity | null, bodyId: unknown, faults: FieldError[]): EventIdentity | null {
  if (typeof bodyId !== 'string') return given;
  if (given?.kind === 'key' && given.key !== bodyId) {
    faults.push({ path: '/id', message: 'differs from the Idempotency-Key header' });
  }
  return given ?? { kind: 'key', key: bodyId };
}

function replayOf(id: EventId, isEqual: boolean): Accepted {
  if (isEqual) return { eventId: id, isReplay: true };
  throw new Problem(422, 'Another event was accepted under this key.', {
    errors: [{ path: '/id', message: 'was used before, with another body' }],
  });
}
