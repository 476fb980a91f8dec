/**
 * What crosses the bus. Only additive changes: a test parses all golden fixtures for ever. Credentials never travel:
 * a delivery names its destination (architecture, delivery semantics 13).
 */
import { z } from 'zod';
import { channels, deliveryChannels } from './channels.js';
import { contentSchema } from './content.js';
import type { AccountId, DeliveryId, DestinationId, EventId, MessageId, ProducerId } from './ids.js';
import { lanes, severities } from './lanes.js';
import { reasons } from './reasons.js';

const id = <T extends string>() => z.string().min(1).max(255) as unknown as z.ZodType<T, T>;
const instant = z.iso.datetime({ offset: true });

export const audienceSchema = z.union([
  z.object({ accountId: id<AccountId>() }),
  z.object({ accountIds: z.array(id<AccountId>()).min(1).max(10_000) }),
  z.object({ all: z.literal(true) }),
]);
export type Audience = z.infer<typeof audienceSchema>;

/** Where an audience is larger than this, it is paged (semantics 11). */
export const PAGED_AUDIENCE_OVER = 500;

export const eventAcceptedSchema = z.object({
  v: z.literal(1),
  eventId: id<EventId>(),
  producerId: id<ProducerId>(),
  /** Ingest's time of acceptance; the event row's first writer makes it the truth. */
  acceptedAt: instant,
  /** SHA-256 (hex) of the body as sent: parsed, keys sorted, without `id` (semantics 2). */
  fingerprint: z.string(),
  audience: audienceSchema,
  category: z.string(),
  subtype: z.string(),
  /** Effective: the higher of the event's and the subtype's. */
  severity: z.enum(severities),
  lane: z.enum(lanes),
  content: contentSchema,
  occurredAt: instant,
  expiresAt: instant.nullable(),
  requestId: z.string().nullable().default(null),
});
export type EventAccepted = z.infer<typeof eventAcceptedSchema>;

/** What the resolver decided for one destination. The label is what people see (a name, a masked address). */
export const decisionSchema = z.object({
  channel: z.enum(channels),
  destinationId: id<DestinationId>().nullable(),
  label: z.string(),
  decision: z.enum(['send', 'skip']),
  reason: z.enum(reasons).nullable(),
});
export type Decision = z.infer<typeof decisionSchema>;

export const messageRoutedSchema = z.object({
  v: z.literal(1),
  messageId: id<MessageId>(),
  eventId: id<EventId>(),
  accountId: id<AccountId>(),
  acceptedAt: instant,
  routedAt: instant,
  category: z.string(),
  subtype: z.string(),
  severity: z.enum(severities),
  lane: z.enum(lanes),
  product: z.string().nullable(),
  /** The inbox channel is off for the account: stored for its decisions, shown to nobody (semantics 32). */
  hidden: z.boolean(),
  decisions: z.array(decisionSchema),
});
export type MessageRouted = z.infer<typeof messageRoutedSchema>;

export const deliveryRequestedSchema = z.object({
  v: z.literal(1),
  deliveryId: id<DeliveryId>(),
  messageId: id<MessageId>(),
  eventId: id<EventId>(),
  accountId: id<AccountId>(),
  channel: z.enum(deliveryChannels),
  destinationId: id<DestinationId>(),
  label: z.string(),
  lane: z.enum(lanes),
  category: z.string(),
  subtype: z.string(),
  severity: z.enum(severities),
  acceptedAt: instant,
  occurredAt: instant,
  expiresAt: instant.nullable(),
  /** Inline where that saves a read (one account, small); otherwise read once by event id. */
  content: contentSchema.nullable(),
});
export type DeliveryRequested = z.infer<typeof deliveryRequestedSchema>;

/** Content above this many bytes of JSON, or for more than one account, is referred to, never copied. */
export const INLINE_CONTENT_BYTES = 4096;

/**
 * How far back events are routed and published again (semantics 33, 35): longer than the bus keeps records, shorter than
 * deliveries are kept. Tombstones of deleted messages stay as long.
 */
export const HORIZON_DAYS = 10;
