import { randomUUID } from 'node:crypto';
import type { AccountId, DeliveryFilter, DestinationId, EventId, MessageId } from '@herald/contracts';
import { embedded, type Ground, servers } from '@herald/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { aDelivery, anAttempt, content } from '../test/worker-ground.js';
import { type Delivery, firstPass, type Outcome } from './delivery.js';
import { DeliveryStore } from './delivery.store.js';
import { type DeliveryPlace, spansOf } from './delivery-filter.js';
import { OutcomeStore } from './outcome.store.js';

const DAY = 86_400_000;
const delivered: Outcome = { status: 'delivered', attempt: anAttempt() };
const dead: Outcome = {
  status: 'dead',
  reason: 'REJECTED',
  attempt: anAttempt({
    error: 'bad-destination',
    httpStatus: 200,
    providerCode: '310000',
    providerMessage: 'no keyword',
  }),
};
const dueAtMs = Date.now() + 3_600_000;
const scheduled: Outcome = {
  status: 'scheduled',
  dueAtMs,
  spent: 1,
  wasAmbiguous: false,
  attempt: anAttempt({ error: 'throttled', httpStatus: 429, providerCode: 'HTTP 429', retryAfterSeconds: 30 }),
};

describe.each([embedded, ...servers])('searching deliveries on $name', ({ open }) => {
  let ground: Ground;
  let store: DeliveryStore;
  let outcomes: OutcomeStore;
  beforeAll(async () => {
    ground = await open();
    store = new DeliveryStore(ground.database);
    outcomes = new OutcomeStore(ground.database, randomUUID());
  }, 60_000);
  afterAll(() => ground.close());

  const anAccount = () => `account-${randomUUID()}` as AccountId;
  const ago = (ms: number) => new Date(Date.now() - ms);
  async function stored(outcome: Outcome, more: Partial<Delivery>): Promise<Delivery> {
    const delivery = aDelivery(more);
    await outcomes.settleFirst([{ pass: firstPass(delivery, content, 2 * 3_600_000), outcome }]);
    return delivery;
  }
  async function all(filter: DeliveryFilter, limit: number): Promise<string[]> {
    const found: string[] = [];
    let from: DeliveryPlace | null = null;
    for (let pages = 0; pages < 50; pages += 1) {
      const page = await store.search(filter, limit, from);
      found.push(...page.items.map(({ id }) => id));
      if (!page.next) return found;
      from = page.next;
    }
    throw new Error('the pages do not end');
  }

  it('shows a delivery as people see it', async () => {
    const accountId = anAccount();
    const delivery = await stored(scheduled, { accountId });
    const { items, next } = await store.search({ accountId }, 10, null);
    expect(next).toBeNull();
    expect(items).toEqual([
      {
        id: delivery.deliveryId,
        messageId: delivery.messageId,
        eventId: delivery.eventId,
        accountId,
        category: 'service',
        subtype: 'svc_bill',
        channel: 'webhook',
        destinationId: delivery.destinationId,
        label: 'ours',
        status: 'scheduled',
        reason: null,
        attemptCount: 1,
        nextAttemptAt: new Date(dueAtMs).toISOString(),
        acceptedAt: delivery.acceptedAt.toISOString(),
        createdAt: expect.any(String),
        endedAt: null,
      },
    ]);
  });

  it('goes through all pages once, newest first, also where many were accepted in one instant', async () => {
    const accountId = anAccount();
    const instant = ago(5 * 60_000);
    const times = [ago(0), instant, instant, instant, instant, ago(3 * DAY), ago(20 * DAY), ago(80 * DAY)];
    const deliveries = [];
    for (const acceptedAt of times) deliveries.push(await stored(delivered, { accountId, acceptedAt }));
    const expected = deliveries
      .sort((a, b) => b.acceptedAt.getTime() - a.acceptedAt.getTime() || (a.deliveryId < b.deliveryId ? 1 : -1))
      .map(({ deliveryId }) => deliveryId);
    for (const limit of [1, 2, 3, 100]) expect(await all({ accountId }, limit)).toEqual(expected);
  });

  it('finds by every field of the filter, and by several at once', async () => {
    const accountId = anAccount();
    const one = await stored(dead, {
      accountId,
      channel: 'dingtalk',
      destinationId: randomUUID() as DestinationId,
      category: 'security',
    });
    const other = await stored(delivered, { accountId, acceptedAt: ago(2 * DAY) });
    const filters: DeliveryFilter[] = [
      { status: 'dead' },
      { channel: 'dingtalk' },
      { destinationId: one.destinationId },
      { messageId: one.messageId! },
      { category: 'security' },
      { providerCode: '310000' },
      { after: ago(DAY).toISOString() },
      { status: 'dead', channel: 'dingtalk', category: 'security', providerCode: '310000' },
    ];
    for (const filter of filters) {
      expect([filter, await all({ accountId, ...filter }, 10)]).toEqual([filter, [one.deliveryId]]);
    }
    expect(await all({ accountId, before: ago(DAY).toISOString() }, 10)).toEqual([other.deliveryId]);
    expect(await all({ accountId, status: 'cancelled' }, 10)).toEqual([]);
    expect(await all({ messageId: other.messageId! }, 10)).toEqual([other.deliveryId]);
  });

  it('counts `after` in and `before` out, by the time of acceptance', async () => {
    const accountId = anAccount();
    const acceptedAt = new Date(Date.UTC(2026, 0, 1, 12, 0, 0, 500));
    const { deliveryId } = await stored(delivered, { accountId, acceptedAt });
    const at = acceptedAt.toISOString();
    expect(await all({ accountId, after: at }, 10)).toEqual([deliveryId]);
    expect(await all({ accountId, before: at }, 10)).toEqual([]);
    expect(await all({ accountId, after: '2026-01-01T20:00:00.500+08:00' }, 10)).toEqual([deliveryId]);
  });

  it('looks for an event’s deliveries at its own time alone', async () => {
    const accountId = anAccount();
    const eventId = randomUUID() as EventId;
    const acceptedAt = ago(40 * DAY);
    await ground.database.query(
      `insert into routing.event (event_id, accepted_at, producer_id, fingerprint, audience, category, subtype, severity, lane, content, occurred_at,
         expected, topic, partition, record_offset)
       values ($1, $2, $3, '', '{}', 'service', 'svc_bill', 'info', 'normal', '{}', now(), 1, 't', 0, 1)`,
      [eventId, acceptedAt, randomUUID()],
    );
    const two = [
      await stored(delivered, { accountId, eventId, acceptedAt }),
      await stored(dead, { accountId, eventId, acceptedAt }),
    ];
    expect((await all({ eventId }, 1)).sort()).toEqual(two.map(({ deliveryId }) => deliveryId).sort());
    expect(await all({ eventId, status: 'dead' }, 10)).toEqual([two[1]!.deliveryId]);
    expect(await all({ eventId: randomUUID() }, 10)).toEqual([]);
  });

  it('reads one with its attempts in order', async () => {
    const delivery = await stored(scheduled, { accountId: anAccount(), acceptedAt: ago(9 * DAY) });
    const pass = { ...firstPass(delivery, content, 30 * DAY), fence: 1 };
    await outcomes.settleLater([{ pass, outcome: { status: 'delivered', attempt: anAttempt({ trigger: 'retry' }) } }]);
    const found = await store.find(delivery.deliveryId);
    expect(found).toMatchObject({ id: delivery.deliveryId, status: 'delivered', attemptCount: 2, nextAttemptAt: null });
    expect(found!.endedAt).not.toBeNull();
    expect(found!.attempts).toEqual([
      {
        number: 1,
        startedAt: expect.any(String),
        durationMs: 3,
        httpStatus: 429,
        providerCode: 'HTTP 429',
        providerMessage: 'fine',
        error: 'throttled',
        retryAfterSeconds: 30,
        trigger: 'event',
      },
      expect.objectContaining({ number: 2, httpStatus: 200, error: null, trigger: 'retry' }),
    ]);
    expect(await store.find(randomUUID())).toBeNull();
  });

  it('names no next time where none is known: parked, or being attempted', async () => {
    const accountId = anAccount();
    const messageId = randomUUID() as MessageId;
    const acceptedAt = new Date();
    await stored(
      { status: 'parked', why: 'busy', resumeInMs: null, revision: 0, spent: 0, wasAmbiguous: false, attempt: null },
      { accountId, messageId, acceptedAt },
    );
    const held = aDelivery({ accountId, messageId, acceptedAt });
    await outcomes.lease([firstPass(held, content, 3_600_000)], 20_000);
    const { items } = await store.search({ accountId }, 10, null);
    expect(items.map(({ status, nextAttemptAt }) => [status, nextAttemptAt])).toEqual([
      ['scheduled', null],
      ['scheduled', null],
    ]);
    const timeline = await store.forMessage(messageId, acceptedAt);
    expect(timeline.map(({ nextAttemptAt }) => nextAttemptAt)).toEqual([null, null]);
  });
});

describe('the spans of a search', () => {
  const now = Date.parse('2026-11-24T10:00:00Z');

  it('follow each other without a gap, from the end of time to its beginning', () => {
    const spans = spansOf({}, null, now);
    expect(spans[0]).toEqual({ from: '2026-11-24T00:00:00.000Z', to: 'infinity' });
    expect(spans[1]).toEqual({ from: '2026-11-23T00:00:00.000Z', to: '2026-11-24T00:00:00.000Z' });
    expect(spans.at(-1)!.from).toBe('-infinity');
    for (const [index, span] of spans.slice(1).entries()) expect(span.to).toBe(spans[index]!.from);
  });

  it('end at `after`, and begin at `before` or where the last page ended', () => {
    const after = '2026-11-20T00:00:00Z';
    expect(spansOf({ after }, null, now).at(-1)!.from).toBe(after);
    expect(spansOf({ before: '2026-10-02T08:00:00Z' }, null, now)[0]).toEqual({
      from: '2026-10-02T00:00:00.000Z',
      to: '2026-10-02T08:00:00Z',
    });
    const place = { at: '2026-09-01T00:00:00.000123Z', id: randomUUID() };
    expect(spansOf({ before: '2026-10-02T08:00:00Z' }, place, now)[0]!.to).toBe('2026-09-01T00:00:00.001Z');
  });
});
