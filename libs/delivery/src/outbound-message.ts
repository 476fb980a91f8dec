/** From a pass to what a channel renders. Pure. */
import type { OutboundMessage } from '@herald/channels';
import { type EventId, findCategory, findSubtype, type Locale, type MessageId } from '@herald/contracts';
import type { Pass } from './delivery.js';

export function outboundMessage({ delivery, content }: Pass, locale: Locale, publicUrl: string): OutboundMessage {
  return {
    deliveryId: delivery.deliveryId,
    messageId: (delivery.messageId ?? delivery.deliveryId) as MessageId,
    eventId: (delivery.eventId ?? delivery.deliveryId) as EventId,
    accountId: delivery.accountId,
    category: delivery.category,
    subtype: delivery.subtype,
    categoryName: findCategory(delivery.category)?.names[locale] ?? '',
    subtypeName: findSubtype(delivery.subtype)?.names[locale] ?? '',
    severity: delivery.severity,
    locale,
    content: content!,
    occurredAt: delivery.occurredAt,
    occurrences: 1,
    test: false,
    messageUrl: delivery.messageId === null ? publicUrl : `${publicUrl}/messages/${delivery.messageId}`,
  };
}
