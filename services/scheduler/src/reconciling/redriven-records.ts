/** Records that are published again, made from what is stored. Pure. */
import { type DeliveryRequested, deliveryRequested, type EventAccepted, eventAccepted } from '@herald/contracts';
import type { OutgoingRecord } from '@herald/platform';
import type { StoredEvent } from '@herald/subscriptions';
import type { DecidedDelivery } from './reconciliation.store.js';

/**
 * The event as it was accepted. The router finds its row, counts this record as a repeat, and routes from the row
 * (semantics 6, 32, 35).
 */
export function acceptedAgain(row: StoredEvent): OutgoingRecord {
  const event: EventAccepted = {
    v: 1,
    eventId: row.eventId,
    producerId: row.producerId,
    acceptedAt: row.acceptedAt.toISOString(),
    fingerprint: row.fingerprint,
    audience: row.audience,
    category: row.category,
    subtype: row.subtype,
    severity: row.severity,
    lane: row.lane,
    content: row.content,
    occurredAt: row.occurredAt.toISOString(),
    expiresAt: row.expiresAt?.toISOString() ?? null,
    requestId: null,
  };
  const key = 'accountId' in row.audience ? row.audience.accountId : row.eventId;
  return { topic: eventAccepted(row.lane), key, value: JSON.stringify(event) };
}

/** The decision as it stands in the message: never resolved again (semantics 10). Its content is read where it is sent. */
export function requestedAgain(decided: DecidedDelivery): OutgoingRecord {
  const delivery: DeliveryRequested = {
    v: 1,
    deliveryId: decided.deliveryId,
    messageId: decided.messageId,
    eventId: decided.eventId,
    accountId: decided.accountId,
    channel: decided.channel,
    destinationId: decided.destinationId,
    label: decided.label,
    lane: decided.lane,
    category: decided.category,
    subtype: decided.subtype,
    severity: decided.severity,
    acceptedAt: decided.acceptedAt.toISOString(),
    occurredAt: decided.occurredAt.toISOString(),
    expiresAt: decided.expiresAt?.toISOString() ?? null,
    content: null,
  };
  return {
    topic: deliveryRequested(decided.channel, decided.lane),
    key: decided.destinationId,
    value: JSON.stringify(delivery),
  };
}
