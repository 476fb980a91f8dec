/** People: the inbox (api.md). Order, cursors and the watermark go by arrival, never by the event's own time. */
import { z } from 'zod';
import { locales } from '../content.js';
import { severities } from '../lanes.js';
import { instant, operation, pageOf, pageQuery, text, uuid } from './operation.js';

const messageShape = {
  id: z.string(),
  eventId: z.string(),
  accountId: z.string(),
  category: z.string(),
  subtype: z.string(),
  severity: z.enum(severities),
  title: z.string(),
  text: z.string(),
  links: z.array(z.object({ label: z.string(), href: z.string() })),
  product: z.string().nullable(),
  region: z.string().nullable(),
  resourceIds: z.array(z.string()),
  labels: z.record(z.string(), z.string()),
  occurredAt: z.string(),
  receivedAt: z.string(),
  readAt: z.string().nullable(),
  occurrences: z.number(),
  locale: z.enum(locales),
};
export const listedMessageSchema = z.object(messageShape);
export const messageSchema = z.object({ ...messageShape, html: z.string() });
export type ListedMessage = z.infer<typeof listedMessageSchema>;
export type Message = z.infer<typeof messageSchema>;

/** A filter of the inbox. `after` and `before` bound `receivedAt`, inclusive and exclusive. */
const filterShape = {
  category: z.string().max(64).optional(),
  subtype: z.string().max(64).optional(),
  status: z.enum(['all', 'unread', 'read']).default('all'),
  severity: z.enum(severities).optional(),
  product: z.string().max(255).optional(),
  /** Somewhere in title or body, in any of the stored languages, whatever the case. */
  q: text(0, 200).optional(),
  after: instant().optional(),
  before: instant().optional(),
};
export const messageFilterSchema = z.strictObject(filterShape);
export type MessageFilter = z.infer<typeof messageFilterSchema>;

const tag = 'Inbox';
const one = z.strictObject({ id: uuid() });
const locale = z.enum(locales).optional();

export const listMessages = operation({
  id: 'listMessages',
  method: 'GET',
  path: '/v1/messages',
  tag,
  summary: 'Messages, newest arrival first.',
  permission: 'read',
  query: z.strictObject({ ...filterShape, ...pageQuery, locale }),
  answers: { 200: pageOf(listedMessageSchema) },
});

export const getUnreadCounts = operation({
  id: 'getUnreadCounts',
  method: 'GET',
  path: '/v1/messages/unread-counts',
  tag,
  summary: 'Exact numbers of unread messages.',
  permission: 'read',
  answers: { 200: z.object({ total: z.number(), byCategory: z.record(z.string(), z.number()) }) },
});

export const getMessage = operation({
  id: 'getMessage',
  method: 'GET',
  path: '/v1/messages/:id',
  tag,
  summary: 'One message.',
  permission: 'read',
  params: one,
  query: z.strictObject({ locale }),
  answers: { 200: messageSchema },
});

const attemptSchema = z.object({
  number: z.number(),
  startedAt: z.string(),
  durationMs: z.number(),
  httpStatus: z.number().nullable(),
  providerCode: z.string().nullable(),
  providerMessage: z.string().nullable(),
  error: z.string().nullable(),
  retryAfterSeconds: z.number().nullable(),
  trigger: z.string(),
});

export const timelineSchema = z.object({
  acceptedAt: z.string(),
  routedAt: z.string(),
  destinations: z.array(
    z.object({
      channel: z.string(),
      id: z.string().nullable(),
      label: z.string(),
      status: z.string(),
      reason: z.string().optional(),
      attempts: z.array(attemptSchema),
      nextAttemptAt: z.string().optional(),
    }),
  ),
});
export type Timeline = z.infer<typeof timelineSchema>;

export const getTimeline = operation({
  id: 'getTimeline',
  method: 'GET',
  path: '/v1/messages/:id/timeline',
  tag,
  summary: 'Every destination of a message, every attempt, and the next.',
  permission: 'read',
  params: one,
  answers: { 200: timelineSchema },
});

const selectionSchema = z.union([
  z.strictObject({ ids: z.array(uuid()).min(1).max(1_000) }),
  z.strictObject({ filter: messageFilterSchema, before: uuid() }),
]);
export type MessageSelection = z.infer<typeof selectionSchema>;

const change = (id: string, path: string, summary: string) =>
  operation({
    id,
    method: 'POST',
    path,
    tag,
    summary,
    permission: 'full',
    body: selectionSchema,
    answers: { 200: z.object({ changed: z.number() }) },
  });

export const markMessagesRead = change(
  'markMessagesRead',
  '/v1/messages/mark-read',
  'Mark as read, by ids or by filter.',
);
export const markMessagesUnread = change('markMessagesUnread', '/v1/messages/mark-unread', 'Mark as unread.');
export const deleteMessages = change('deleteMessages', '/v1/messages/delete', 'Delete. Cannot be undone.');

export const messageOperations = [
  listMessages,
  getUnreadCounts,
  getMessage,
  getTimeline,
  markMessagesRead,
  markMessagesUnread,
  deleteMessages,
];
