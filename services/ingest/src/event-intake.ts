/**
 * One post, from what was sent to "accepted": validated, known, not a conflicting repeat, and on the bus before it is
 * answered. Every way in (single, batch, CloudEvents) ends here.
 */
import {
  type AccountId,
  EVENT_BODY_LIMIT,
  EVENT_LIST_BODY_LIMIT,
  type EventBody,
  type EventId,
  type EventIdentity,
  eventAccepted,
  eventId,
  eventSchema,
  findSubtype,
  LIST_ACCOUNTS_AT_MOST,
  type Subtype,
} from '@herald/contracts';
import {
  type Buckets,
  type Bus,
  BusUnavailable,
  type DatabaseClock,
  type FieldError,
  fieldErrors,
  isNotNow,
  Problem,
  type ProducerCaller,
  RecordTooLarge,
  unavailable,
  unstorable,
} from '@herald/platform';
import type { AccountDirectory } from '@herald/subscriptions';
import { acceptedEvent } from './accepted-event.js';
import { canonicalBody, fingerprint } from './fingerprint.js';
import type { RememberedEvents } from './remembered-events.js';

/** With so many posts in flight a call is refused: waiting longer would only make its caller give up. */
const POSTS_AT_MOST = 10_000;
const ACCOUNT_ID = /^[A-Za-z0-9_-]{1,64}$/;
/** Faults of one kind that are named; nobody reads ten thousand. */
const NAMED_AT_MOST = 100;

export interface Post {
  readonly body: unknown;
  /** From the header or the CloudEvent; a key in the body counts the same. */
  readonly identity: EventIdentity | null;
  readonly requestId: string | null;
  /** What was sent holds `\u` escapes: only then can it hold what PostgreSQL doesn't store. */
  readonly hasEscapes: boolean;
  /** From a place in the event's body to the place in what was sent, where they differ. */
  readonly placeOf?: (path: string) => string;
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
    this.enter(1);
    try {
      return await this.acceptOne(producer, post);
    } finally {
      this.posts -= 1;
    }
  }

  /** Each for itself; a post that can't even be read from what was sent is refused like a bad one. */
  async acceptAll(producer: ProducerCaller, posts: readonly (Post | Problem)[]): Promise<(Accepted | Problem)[]> {
    this.enter(posts.length);
    try {
      return await Promise.all(
        posts.map((post) => (post instanceof Problem ? post : this.acceptOne(producer, post).catch(refusal))),
      );
    } finally {
      this.posts -= posts.length;
    }
  }

  private enter(posts: number): void {
    if (this.isDraining) throw unavailable('This process is ending. Try again.');
    if (this.posts >= POSTS_AT_MOST) throw unavailable('Too many posts at a time. Try again.');
    this.posts += posts;
  }

  private async acceptOne(producer: ProducerCaller, post: Post): Promise<Accepted> {
    const { body } = post;
    const parsed = eventSchema.safeParse(body);
    const faults: FieldError[] = parsed.success ? [] : fieldErrors(parsed.error);
    if (post.hasEscapes) faults.push(...unstorable(body));
    const sent = (typeof body === 'object' && body !== null ? body : {}) as Partial<EventBody>;
    const subtype = typeof sent.subtype === 'string' ? postableSubtype(sent.subtype) : undefined;
    if (subtype && !mayEmit(producer, subtype)) {
      throw new Problem(403, `This key may not emit the category ${subtype.category}.`);
    }
    if (typeof sent.subtype === 'string' && !subtype)
      faults.push({ path: '/subtype', message: 'is not a known message type' });
    const now = this.parts.clock.now();
    if (typeof sent.expiresAt === 'string' && Date.parse(sent.expiresAt) <= now.getTime()) {
      faults.push({ path: '/expiresAt', message: 'has passed' });
    }
    const identity = identityOf(post.identity, sent.id, faults);
    if (!this.isKnown(sent)) {
      // What is wrong anyway is told, whatever can't be told now.
      const unknown = this.unknownAccounts(sent);
      faults.push(...(await (faults.length > 0 ? unknown.catch(() => []) : unknown)));
    }
    if (faults.length > 0 || !parsed.success || !subtype) throw notValid(faults, post.placeOf);
    const canonical = canonicalBody(sent);
    refuseTooLarge(canonical, parsed.data);
    if (producer.ratePerSecond !== null) await this.respectRate(producer, producer.ratePerSecond);

    const id = eventId(producer.producerId, identity);
    const print = fingerprint(canonical);
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
    const accepted = { fingerprint: print, producerId: producer.producerId, acceptedAt: event.acceptedAt };
    const remembering = this.parts.remembered.remember(id, accepted, identity !== null);
    // A repeat may come to another process: where one can come, the answer waits until it would be recognised there.
    if (identity !== null) await remembering;
    return { eventId: id, isReplay: false };
  }

  /** The usual case, without a promise. */
  private isKnown({ accountId, audience }: Partial<EventBody>): boolean {
    return (
      audience === undefined && typeof accountId === 'string' && this.parts.accounts.isKnown(accountId as AccountId)
    );
  }

  /** Of those that could exist: what isn't even an account's id has been named already. */
  private async unknownAccounts({ accountId, audience }: Partial<EventBody>): Promise<FieldError[]> {
    const listed: unknown = (audience as { accountIds?: unknown } | null | undefined)?.accountIds;
    const list: readonly unknown[] = Array.isArray(listed) && listed.length <= LIST_ACCOUNTS_AT_MOST ? listed : [];
    const asked = [accountId, ...list].filter((id): id is AccountId => typeof id === 'string' && ACCOUNT_ID.test(id));
    if (asked.length === 0) return [];
    const unknown = new Set<unknown>(await this.parts.accounts.unknownOf(asked));
    if (unknown.size === 0) return [];
    const named = list.flatMap((id, index) =>
      unknown.has(id) ? [unknownAccount(`/audience/accountIds/${index}`, id)] : [],
    );
    return [
      ...(unknown.has(accountId) ? [unknownAccount('/accountId', accountId)] : []),
      ...named.slice(0, NAMED_AT_MOST),
    ];
  }

  private async respectRate({ producerId }: ProducerCaller, ratePerSecond: number): Promise<void> {
    const capacity = Math.max(1, ratePerSecond);
    const limit = { key: `producer:${producerId}`, capacity, perMs: (capacity * 1_000) / ratePerSecond };
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
      if (error instanceof BusUnavailable) {
        throw unavailable('The bus has not acknowledged the event. A repeat with the same key is harmless.', 2);
      }
      throw error;
    }
  }
}

/** What went wrong with one of many: a bug stays one. */
function refusal(error: unknown): Problem {
  if (error instanceof Problem) return error;
  if (isNotNow(error)) return unavailable('A part of Herald is not available right now. Try again.');
  throw error;
}

function notValid(faults: readonly FieldError[], placeOf: Post['placeOf']): Problem {
  const errors = placeOf ? faults.map(({ path, message }) => ({ path: placeOf(path), message })) : faults;
  return new Problem(422, 'The event is not valid.', { errors });
}

function unknownAccount(path: string, id: unknown): FieldError {
  return { path, message: `is not a known account: ${id}` };
}

/** 256 KB, or 1 MB with a list of accounts, without what JSON doesn't need. */
function refuseTooLarge(canonical: string, { audience }: EventBody): void {
  const limit = audience && 'accountIds' in audience ? EVENT_LIST_BODY_LIMIT : EVENT_BODY_LIMIT;
  // No text has fewer bytes than it has UTF-16 units, or more than three times as many.
  if (canonical.length * 3 <= limit || Buffer.byteLength(canonical) <= limit) return;
  throw new Problem(413, `The event is larger than ${limit / 1024} KB.`);
}

function postableSubtype(code: string): Subtype | undefined {
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
