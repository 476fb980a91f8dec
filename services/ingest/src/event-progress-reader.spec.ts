import type { EventId, ProducerId } from '@herald/contracts';
import { InProcessCache } from '@herald/platform';
import type { EventProgress, EventStore } from '@herald/subscriptions';
import { describe, expect, it } from '@jest/globals';
import { EventProgressReader } from './event-progress-reader.js';
import { RememberedEvents } from './remembered-events.js';

const eventId = '6f0b7f2c-9c3e-5f6e-8b1a-1f2e3d4c5b6a' as EventId;
const producer = 'p' as ProducerId;
const acceptedAt = '2026-01-01T00:00:00.000Z';

function read(found: Partial<EventProgress> | null, remembered?: RememberedEvents) {
  const row = found && {
    eventId,
    acceptedAt: new Date(acceptedAt),
    expected: 1,
    isPaging: false,
    messages: 1,
    decided: 0,
    skipped: 0,
    deliveries: {},
    ...found,
  };
  const events = { progress: async () => row } as unknown as EventStore;
  const known = remembered ?? new RememberedEvents(new InProcessCache(), { fingerprints: async () => new Map() });
  return new EventProgressReader(events, known).read(eventId, producer);
}

describe('what became of an event', () => {
  // biome-ignore format: a table
  it.each<[string, Partial<EventProgress>, string]>([
    ['no message yet', { messages: 0 }, 'accepted'],
    ['some of its messages', { expected: 3, messages: 2 }, 'accepted'],
    ['pages to come', { expected: 500, messages: 500, isPaging: true }, 'accepted'],
    ['its last page published, its messages not all stored', { expected: 700, messages: 500 }, 'accepted'],
    ['deliveries that nobody tried yet', { decided: 2, deliveries: { delivered: 1 } }, 'routed'],
    ['one to be tried again', { decided: 1, deliveries: { scheduled: 1 } }, 'routed'],
    ['nothing to deliver', {}, 'ended'],
    ['everything delivered or given up', { decided: 4, deliveries: { delivered: 1, dead: 1, suppressed: 1, cancelled: 1 } }, 'ended'],
    ['a delivery that its decisions don’t name', { decided: 1, deliveries: { delivered: 2 } }, 'ended'],
  ])('with %s', async (_, found, state) => {
    expect(await read(found)).toMatchObject({ eventId, acceptedAt, state });
  });

  it('counts what is queued, and what the router kept back, with the rest', async () => {
    const { deliveries } = await read({
      decided: 5,
      skipped: 2,
      deliveries: { delivered: 1, suppressed: 1, scheduled: 1 },
    });
    expect(deliveries).toEqual({ queued: 2, delivered: 1, scheduled: 1, dead: 0, suppressed: 3, cancelled: 0 });
  });

  it('is told from memory before its row is there, to its own producer', async () => {
    const cache = new InProcessCache();
    const remembered = new RememberedEvents(cache, { fingerprints: async () => new Map([[eventId, 'print']]) });
    await expect(read(null, remembered)).rejects.toMatchObject({
      status: 404,
      more: { headers: { 'retry-after': '1' } },
    });
    await remembered.remember(eventId, { fingerprint: 'print', producerId: 'other' as ProducerId, acceptedAt }, false);
    await expect(read(null, remembered)).rejects.toMatchObject({ status: 404 });
    await remembered.remember(eventId, { fingerprint: 'print', producerId: producer, acceptedAt }, false);
    expect(await read(null, remembered)).toMatchObject({ state: 'accepted', accounts: 0, acceptedAt });
  });
});
