/** From a stored event and an account's settings to what is published. Pure. */
import {
  type AccountId,
  type DeliveryRequested,
  deliveryId,
  deliveryRequested,
  findSubtype,
  INLINE_CONTENT_BYTES,
  type MessageRouted,
  messageId,
  messageRouted,
  type DeliveryChannel,
} from '@herald/contracts';
import type { OutgoingRecord } from '@herald/platform';
import { type AccountSettings, resolve, type StoredEvent } from '@herald/subscriptions';

export type RoutableEvent = Pick<
  StoredEvent,
  'eventId' | 'acceptedAt' | 'category' | 'subtype' | 'severity' | 'lane' | 'content' | 'occurredAt' | 'expiresAt' | 'audience'
>;

/** The inbox copy with all decisions, and one record per destination that is sent to. */
export function routedRecords(event: RoutableEvent, account: AccountSettings, routedAt: Date): OutgoingRecord[] {
  const subtype = findSubtype(event.subtype);
  if (!subtype) throw new Error(`event ${event.eventId} has the unknown subtype ${event.subtype}`);
  const { hidden, decisions } = resolve({ subtype, severity: event.severity, content: event.content }, account);
  const id = messageId(event.eventId, account.id as AccountId);
  const acceptedAt = event.acceptedAt.toISOString();
  const message: MessageRouted = {
    v: 1,
    messageId: id,
    eventId: event.eventId,
    accountId: account.id,
    acceptedAt,
    routedAt: routedAt.toISOString(),
    category: event.category,
    subtype: event.subtype,
    severity: event.severity,
    lane: event.lane,
    product: event.content.product,
    hidden,
    decisions: [...decisions],
  };
  const records: OutgoingRecord[] = [{ topic: messageRouted(event.lane), key: account.id, value: JSON.stringify(message) }];
  const inline = inlineContent(event);
  for (const { channel, destinationId, label, decision } of decisions) {
    if (decision !== 'send' || channel === 'inbox' || destinationId === null) continue;
    const delivery: DeliveryRequested = {
      v: 1,
      deliveryId: deliveryId(id, destinationId),
      messageId: id,
      eventId: event.eventId,
      accountId: account.id,
      channel: channel as DeliveryChannel,
      destinationId,
      label,
      lane: event.lane,
      category: event.category,
      subtype: event.subtype,
      severity: event.severity,
      acceptedAt,
      occurredAt: event.occurredAt.toISOString(),
      expiresAt: event.expiresAt?.toISOString() ?? null,
      content: inline,
    };
    records.push({ topic: deliveryRequested(delivery.channel, event.lane), key: destinationId, value: JSON.stringify(delivery) });
  }
  return records;
}

/** Copied only where it saves a read and stays small: one account, little text. */
function inlineContent(event: RoutableEvent): DeliveryRequested['content'] {
  const { content } = event;
  if (!('accountId' in event.audience)) return null;
  const size = content.title.length + content.body.length + Object.values(content.translations).reduce((sum, text) => sum + (text?.body.length ?? 0), 0);
  return size * 2 <= INLINE_CONTENT_BYTES ? content : null;
}
