/** Producers: what they post (api.md, Producers). Lengths count code points. */
import { z } from 'zod';
import { locales } from '../content.js';
import { severities } from '../lanes.js';
import { instant, operation, problemSchema, text, uuid } from './operation.js';

export const EVENT_BODY_LIMIT = 256 * 1024;
/** With a list of accounts. */
export const EVENT_LIST_BODY_LIMIT = 1024 * 1024;
export const BATCH_BODY_LIMIT = 4 * 1024 * 1024;
export const BATCH_ITEMS_AT_MOST = 1_000;
export const LIST_ACCOUNTS_AT_MOST = 10_000;

const accountId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected 1 to 64 of A-Z, a-z, 0-9, "_" and "-"');
const HREF = /^(https?:\/\/|mailto:)/i;
const href = z
  .string()
  .max(2_000)
  .refine((value) => HREF.test(value) && URL.canParse(value), 'expected an https, http or mailto address');

const title = text(1, 200);
const body = z.string().min(1, 'expected some text');
const short = text(0, 255);

/** `accountId` or `audience`, never both: checked in `eventSchema`. */
const eventShape = {
  id: text(1, 255).optional(),
  accountId: accountId.optional(),
  audience: z
    .union([
      z.strictObject({ accountIds: z.array(accountId).min(1).max(LIST_ACCOUNTS_AT_MOST) }),
      z.strictObject({ all: z.literal(true) }),
    ])
    .optional(),
  subtype: z.string().max(64),
  severity: z.enum(severities).optional(),
  title,
  body,
  locale: z.enum(locales).optional(),
  translations: z.partialRecord(z.enum(locales), z.strictObject({ title, body })).optional(),
  links: z
    .array(z.strictObject({ label: text(1, 100), href }))
    .max(10)
    .optional(),
  product: short.optional(),
  region: short.optional(),
  resourceIds: z.array(short).max(100).optional(),
  dedupKey: short.optional(),
  occurredAt: instant().optional(),
  expiresAt: instant().optional(),
  labels: z
    .record(text(0, 63), short)
    .refine((value) => Object.keys(value).length <= 50, 'expected at most 50 labels')
    .optional(),
};

export const eventSchema = z.strictObject(eventShape).refine(hasOneReceiver, {
  path: ['accountId'],
  error: 'expected exactly one of accountId and audience',
  // Whatever else is wrong: every fault is named.
  when: () => true,
});

function hasOneReceiver(event: unknown): boolean {
  if (typeof event !== 'object' || event === null || Array.isArray(event)) return true;
  const { accountId, audience } = event as { accountId?: unknown; audience?: unknown };
  return (accountId === undefined) !== (audience === undefined);
}
export type EventBody = z.infer<typeof eventSchema>;

export const acceptedSchema = z.object({ eventId: z.string(), status: z.literal('accepted') });

export const batchSchema = z.strictObject({ events: z.array(z.unknown()).min(1) });
export const batchAnswerSchema = z.object({
  results: z.array(
    z.union([
      z.object({ index: z.number(), eventId: z.string(), status: z.literal('accepted') }),
      z.object({ index: z.number(), status: z.literal('rejected'), error: problemSchema }),
    ]),
  ),
});

const eventState = z.object({
  eventId: z.string(),
  acceptedAt: z.string(),
  accounts: z.number(),
  messages: z.number(),
  deliveries: z.object({
    queued: z.number(),
    delivered: z.number(),
    scheduled: z.number(),
    dead: z.number(),
    suppressed: z.number(),
    cancelled: z.number(),
  }),
  state: z.enum(['accepted', 'routed', 'ended']),
});
export type EventState = z.infer<typeof eventState>;

/** The body is checked by the intake itself, which gives one verdict per event. */
export const postEvent = operation({
  id: 'postEvent',
  method: 'POST',
  path: '/v1/events',
  tag: 'Producers',
  summary: 'Post one event. Idempotency-Key, or id in the body, makes it safe to repeat.',
  permission: 'producer',
  body: eventSchema,
  status: 202,
  answers: { 202: acceptedSchema },
  bodyLimit: EVENT_LIST_BODY_LIMIT,
});

export const postEvents = operation({
  id: 'postEvents',
  method: 'POST',
  path: '/v1/events/batch',
  tag: 'Producers',
  summary: 'Post up to 1,000 events; a bad item does not sink good ones.',
  permission: 'producer',
  body: z.strictObject({ events: z.array(eventSchema).min(1).max(BATCH_ITEMS_AT_MOST) }),
  status: 202,
  answers: { 202: batchAnswerSchema },
  bodyLimit: BATCH_BODY_LIMIT,
});

export const postCloudEvents = operation({
  id: 'postCloudEvents',
  method: 'POST',
  path: '/v1/cloudevents',
  tag: 'Producers',
  summary: 'Post CloudEvents 1.0: structured, batched or binary.',
  permission: 'producer',
  body: z.unknown(),
  status: 202,
  answers: { 202: z.union([acceptedSchema, batchAnswerSchema]) },
  bodyLimit: BATCH_BODY_LIMIT,
  contentTypes: ['application/cloudevents+json', 'application/cloudevents-batch+json', 'application/json'],
});

export const getEvent = operation({
  id: 'getEvent',
  method: 'GET',
  path: '/v1/events/:eventId',
  tag: 'Producers',
  summary: 'What became of an event of your own.',
  permission: 'producer',
  params: z.strictObject({ eventId: uuid() }),
  answers: { 200: eventState },
});

export const eventOperations = [postEvent, postEvents, postCloudEvents, getEvent];
