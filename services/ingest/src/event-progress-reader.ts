/** What became of an event: from its rows, and before those are there from what ingest remembers. */
import type { EventId, EventState, ProducerId } from '@herald/contracts';
import { Problem } from '@herald/platform';
import type { EventStore } from '@herald/subscriptions';
import type { RememberedEvents } from './remembered-events.js';

const none = { queued: 0, delivered: 0, scheduled: 0, dead: 0, suppressed: 0, cancelled: 0 };

export class EventProgressReader {
  constructor(
    private readonly events: EventStore,
    private readonly remembered: RememberedEvents,
  ) {}

  async read(eventId: string, producerId: ProducerId): Promise<EventState> {
    const found = await this.events.progress(eventId as EventId, producerId);
    if (!found) return this.justAccepted(eventId as EventId, producerId);
    const { delivered = 0, scheduled = 0, dead = 0, suppressed = 0, cancelled = 0 } = found.deliveries;
    const queued = Math.max(0, found.decided - delivered - scheduled - dead - suppressed - cancelled);
    const isRouted = !found.isPaging && found.messages >= found.expected;
    const isEnded = isRouted && queued === 0 && scheduled === 0;
    return {
      eventId,
      acceptedAt: found.acceptedAt.toISOString(),
      accounts: found.expected,
      messages: found.messages,
      deliveries: { queued, delivered, scheduled, dead, suppressed: suppressed + found.skipped, cancelled },
      state: isEnded ? 'ended' : isRouted ? 'routed' : 'accepted',
    };
  }

  private async justAccepted(eventId: EventId, producerId: ProducerId): Promise<EventState> {
    const known = await this.remembered.find(eventId);
    if (!known || known.producerId !== producerId || known.acceptedAt === null) {
      throw new Problem(404, undefined, { headers: { 'retry-after': '1' } });
    }
    return { eventId, acceptedAt: known.acceptedAt, accounts: 0, messages: 0, deliveries: none, state: 'accepted' };
  }
}
