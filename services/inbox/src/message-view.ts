/** A stored message as its reader sees it: in the reader's language, Markdown as text and as HTML of our own. Pure. */

import { toHtml, toPlainText } from '@herald/channels';
import { type ListedMessage, type Locale, type Message, textIn } from '@herald/contracts';
import type { MessageRow } from './message.store.js';

export function listedMessage(row: MessageRow, locale: Locale): ListedMessage {
  const { title, body, locale: shown } = textIn(row.content, locale);
  const { links, product, region, resourceIds, labels } = row.content;
  return {
    id: row.id,
    eventId: row.eventId,
    accountId: row.accountId,
    category: row.category,
    subtype: row.subtype,
    severity: row.severity,
    title,
    text: toPlainText(body),
    links,
    product,
    region,
    resourceIds,
    labels,
    occurredAt: row.occurredAt.toISOString(),
    receivedAt: row.receivedAt.toISOString(),
    readAt: row.readAt?.toISOString() ?? null,
    occurrences: 1,
    locale: shown,
  };
}

export function fullMessage(row: MessageRow, locale: Locale): Message {
  return { ...listedMessage(row, locale), html: toHtml(textIn(row.content, locale).body) };
}
