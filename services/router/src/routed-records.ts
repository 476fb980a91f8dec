/** From a stored event and an account's settings to what is published. Pure. */
import {
  type AccountId,
  type Content,
  type DeliveryChannel,
  type DeliveryRequested,
  deliveryId,
  deliveryRequested,
  findSubtype,
  INLINE_CONTENT_BYTES,
  type MessageRouted,
  messageId,
  messageRouted,
} from '@herald/contracts';
import type { OutgoingRecord } from '@herald/platform';
import { type AccountSettings, type Resolution, resolve, type StoredEvent } from '@herald/subscriptions';

export type RoutableEvent = Pick<
  StoredEvent,
  | 'eventId'
  | 'acceptedAt'
  | 'category'
  | 'subtype'
  | 'severity'
  | 'lane'
  | 'content'
  | 'occurredAt'
  | 'expiresAt'
  | 'audience'
>;

/** The account vanished after the event was accepted: there is nobody to tell, which is recorded like any decision. */
const gone: Resolution = {
  hidden: true,
  decisions: [{ channel: 'inbox', destinationId: null, label: '', decision: 'skip', reason: 'DESTINATION_REMOVED' }],
};

/** The inbox copy with all decisions, and one record per destination that is sent to. */
export function routedRecords(
  event: RoutableEvent,
  accountId: AccountId,
  account: AccountSettings | undefined,
  routedAt: Date,
): OutgoingRecord[] {
  const { hidden, decisions } = account ? resolve(subjectOf(event), account) : gone;
  const id = messageId(event.eventId, accountId);
  const acceptedAt = event.acceptedAt.toISOString();
  const message: MessageRouted = {
    v: 1,
    messageId: id,
    eventId: event.eventId,
    accountId,
    acceptedAt,
    routedAt: routedAt.toISOString(),
    category: event.category,
    subtype: event.subtype,
    severity: event.severity,
    lane: event.lane,
    product: event.content.product,
    hidden,
    decisions: decisions as MessageRouted['decisions'],
  };
  const records: OutgoingRecord[] = [
    { topic: messageRouted(event.lane), key: accountId, value: JSON.stringify(message) },
  ];
  let content: string | undefined;
  for (const { channel, destinationId, label, decision } of decisions) {
    if (decision !== 'send' || channel === 'inbox' || destinationId === null) continue;
    const delivery: Omit<DeliveryRequested, 'content'> = {
      v: 1,
      deliveryId: deliveryId(id, destinationId),
      messageId: id,
      eventId: event.eventId,
      accountId,
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
    };
    content ??= inlineContent(event);
    // The same text in each of them is written once.
    const value = `${JSON.stringify(delivery).slice(0, -1)},"content":${content}}`;
    records.push({ topic: deliveryRequested(delivery.channel, event.lane), key: destinationId, value });
  }
  return records;
}

function subjectOf(event: RoutableEvent) {
  const subtype = findSubtype(event.subtype);
  if (!subtype) throw new Error(`event ${event.eventId} has the unknown subtype ${event.subtype}`);
  return { subtype, severity: event.severity, content: event.content };
}

/** As JSON. Copied only where it saves a read and stays small: one account, little text. */
function inlineContent({
  audience,
  content,
}: {
  readonly audience: RoutableEvent['audience'];
  readonly content: Content;
}): string {
  if (!('accountId' in audience)) return 'null';
  const json = JSON.stringify(content);
  return Buffer.byteLength(json) <= INLINE_CONTENT_BYTES ? json : 'null';
}
