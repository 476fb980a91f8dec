/** What events say, read once per event and kept while there is room: an event to thousands is one read. */
import type { Content, EventId } from '@herald/contracts';
import type { Contents, Delivery } from '@herald/delivery';
import { type BatchWriter, makeBatchWriter } from '@herald/platform';
import type { EventStore } from '@herald/subscriptions';
import { LRUCache } from 'lru-cache';
import { isOwnMail } from './known-destinations.js';
import type { OwnMails } from './own-mails.js';

const CHARACTERS_AT_MOST = 16 * 1024 * 1024;
const EVENTS_PER_READ = 200;

export class StoredContents implements Contents {
  private readonly kept = new LRUCache<EventId, Content>({
    maxSize: CHARACTERS_AT_MOST,
    sizeCalculation: ({ title, body, translations }) =>
      500 +
      title.length +
      body.length +
      Object.values(translations).reduce((sum, text) => sum + (text?.body.length ?? 0), 0),
  });
  private readonly reader: BatchWriter<EventId, Content | null>;

  constructor(
    events: EventStore,
    private readonly ownMails: OwnMails,
  ) {
    this.reader = makeBatchWriter<EventId, Content | null>({
      itemsAtMost: EVENTS_PER_READ,
      async write(ids) {
        const found = await events.find([...new Set(ids)]);
        return ids.map((id) => found.get(id)?.content ?? null);
      },
    });
  }

  async load(delivery: Delivery): Promise<Content | null> {
    if (isOwnMail(delivery)) return this.ownMails.content(delivery);
    const { eventId } = delivery;
    if (eventId === null) return null;
    const known = this.kept.get(eventId);
    if (known) return known;
    const content = await this.reader.add(eventId);
    if (content) this.kept.set(eventId, content);
    return content;
  }
}
