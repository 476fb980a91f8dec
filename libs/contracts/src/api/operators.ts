/** Operators, under /v1/ops (api.md). */
import { z } from 'zod';
import { deliveryChannels, webhookPlatforms } from '../channels.js';
import { locales } from '../content.js';
import { deliveryStatuses } from '../reasons.js';
import { instant, operation, pageOf, pageQuery, text, uuid } from './operation.js';
import { emailAddress, timeZone } from './settings.js';

const tag = 'Operators';
const accountId = z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected 1 to 64 of A-Z, a-z, 0-9, "_" and "-"');
const labels = z.record(z.string().max(63), z.string().max(255));
const name = text(1, 100);
const permission = 'operator' as const;

export const accountSchema = z.object({
  id: z.string(),
  name: z.string(),
  locale: z.string(),
  timeZone: z.string(),
  labels,
  defaultRecipientId: z.string().nullable(),
  createdAt: z.string(),
});
export type AccountView = z.infer<typeof accountSchema>;
export const accountBodySchema = z.strictObject({
  id: accountId,
  name,
  locale: z.enum(locales).default('zh-CN'),
  timeZone: timeZone.default('Asia/Shanghai'),
  labels: labels.default({}),
  owner: z.strictObject({
    email: emailAddress,
    name: text(1, 64),
    password: z.string().min(12, 'expected at least 12 characters').max(1_000).optional(),
  }),
});
export type AccountBody = z.infer<typeof accountBodySchema>;
export const accountPatchSchema = z.strictObject({ name, locale: z.enum(locales), timeZone, labels }).partial();

export type AccountPatch = z.infer<typeof accountPatchSchema>;

export const listAccounts = operation({
  id: 'listAccounts',
  method: 'GET',
  path: '/v1/ops/accounts',
  tag,
  summary: 'All accounts.',
  permission,
  query: z.strictObject(pageQuery),
  answers: { 200: pageOf(accountSchema) },
});
export const createAccount = operation({
  id: 'createAccount',
  method: 'POST',
  path: '/v1/ops/accounts',
  tag,
  summary: 'Make an account. Its owner becomes the default recipient, verified.',
  permission,
  body: accountBodySchema,
  status: 201,
  answers: { 201: accountSchema },
});
export const getOpsAccount = operation({
  id: 'getOpsAccount',
  method: 'GET',
  path: '/v1/ops/accounts/:id',
  tag,
  summary: 'One account.',
  permission,
  params: z.strictObject({ id: accountId }),
  answers: { 200: accountSchema },
});
export const updateAccount = operation({
  id: 'updateAccount',
  method: 'PATCH',
  path: '/v1/ops/accounts/:id',
  tag,
  summary: 'Change an account.',
  permission,
  params: z.strictObject({ id: accountId }),
  body: accountPatchSchema,
  answers: { 200: accountSchema },
});

export const producerSchema = z.object({
  id: z.string(),
  name: z.string(),
  categories: z.array(z.string()),
  ratePerSecond: z.number().nullable(),
  createdAt: z.string(),
  keys: z.array(
    z.object({
      id: z.string(),
      hint: z.string(),
      createdAt: z.string(),
      expiresAt: z.string().nullable(),
      revokedAt: z.string().nullable(),
    }),
  ),
});
export type ProducerView = z.infer<typeof producerSchema>;
export const producerBodySchema = z.strictObject({
  name,
  categories: z.array(z.string().max(64)).min(1).max(50),
  ratePerSecond: z.number().positive().max(1_000_000).nullable().optional(),
});
export type ProducerBody = z.infer<typeof producerBodySchema>;

export const listProducers = operation({
  id: 'listProducers',
  method: 'GET',
  path: '/v1/ops/producers',
  tag,
  summary: 'All producers.',
  permission,
  query: z.strictObject(pageQuery),
  answers: { 200: pageOf(producerSchema) },
});
export const createProducer = operation({
  id: 'createProducer',
  method: 'POST',
  path: '/v1/ops/producers',
  tag,
  summary: 'Make a producer.',
  permission,
  body: producerBodySchema,
  status: 201,
  answers: { 201: producerSchema },
});
export const createKey = operation({
  id: 'createKey',
  method: 'POST',
  path: '/v1/ops/producers/:id/keys',
  tag,
  summary: 'Make an API key, shown once.',
  permission,
  params: z.strictObject({ id: uuid() }),
  body: z.strictObject({ expiresAt: instant().optional() }).optional(),
  status: 201,
  answers: { 201: z.object({ id: z.string(), key: z.string() }) },
});
export const deleteKey = operation({
  id: 'deleteKey',
  method: 'DELETE',
  path: '/v1/ops/producers/:id/keys/:keyId',
  tag,
  summary: 'Revoke an API key.',
  permission,
  params: z.strictObject({ id: uuid(), keyId: uuid() }),
  answers: { 204: null },
});

export const deliverySchema = z.object({
  id: z.string(),
  messageId: z.string().nullable(),
  eventId: z.string().nullable(),
  accountId: z.string(),
  category: z.string(),
  subtype: z.string(),
  channel: z.enum(deliveryChannels),
  destinationId: z.string(),
  label: z.string(),
  status: z.enum(deliveryStatuses),
  reason: z.string().nullable(),
  attemptCount: z.number(),
  nextAttemptAt: z.string().nullable(),
  /** Of the event: search, `after` and `before` go by it. */
  acceptedAt: z.string(),
  createdAt: z.string(),
  endedAt: z.string().nullable(),
});
export type DeliveryView = z.infer<typeof deliverySchema>;
export const attemptSchema = z.object({
  number: z.number(),
  startedAt: z.string(),
  durationMs: z.number(),
  httpStatus: z.number().nullable(),
  providerCode: z.string().nullable(),
  providerMessage: z.string().nullable(),
  error: z.string().nullable(),
  retryAfterSeconds: z.number().nullable(),
  trigger: z.enum(['event', 'retry', 'probe', 'replay']),
});
export type AttemptView = z.infer<typeof attemptSchema>;

const deliveryFilterShape = {
  status: z.enum(deliveryStatuses).optional(),
  channel: z.enum(deliveryChannels).optional(),
  accountId: accountId.optional(),
  destinationId: uuid().optional(),
  eventId: uuid().optional(),
  messageId: uuid().optional(),
  category: z.string().max(64).optional(),
  providerCode: z.string().max(100).optional(),
  after: instant().optional(),
  before: instant().optional(),
};
export const deliveryFilterSchema = z.strictObject(deliveryFilterShape);
export type DeliveryFilter = z.infer<typeof deliveryFilterSchema>;
const deliverySelection = z.union([
  z.strictObject({ ids: z.array(uuid()).min(1).max(1_000), dryRun: z.boolean().optional() }),
  z.strictObject({ filter: deliveryFilterSchema, dryRun: z.boolean().optional() }),
]);
export type DeliverySelection = z.infer<typeof deliverySelection>;
const changed = z.object({ matched: z.number(), changed: z.number() });

export const listDeliveries = operation({
  id: 'listDeliveries',
  method: 'GET',
  path: '/v1/ops/deliveries',
  tag,
  summary: 'Search deliveries, newest first.',
  permission,
  query: z.strictObject({ ...deliveryFilterShape, ...pageQuery }),
  answers: { 200: pageOf(deliverySchema) },
});
export const getDelivery = operation({
  id: 'getDelivery',
  method: 'GET',
  path: '/v1/ops/deliveries/:id',
  tag,
  summary: 'One delivery with its attempts.',
  permission,
  params: z.strictObject({ id: uuid() }),
  answers: { 200: deliverySchema.extend({ attempts: z.array(attemptSchema) }) },
});
export const replayDeliveries = operation({
  id: 'replayDeliveries',
  method: 'POST',
  path: '/v1/ops/deliveries/replay',
  tag,
  summary: 'A new pass of the same deliveries.',
  permission,
  body: deliverySelection,
  answers: { 200: changed },
});
export const cancelDeliveries = operation({
  id: 'cancelDeliveries',
  method: 'POST',
  path: '/v1/ops/deliveries/cancel',
  tag,
  summary: 'Stop trying.',
  permission,
  body: deliverySelection,
  answers: { 200: changed },
});

export const ledgerSchema = z.object({
  events: z.object({
    accepted: z.number(),
    routed: z.number(),
    unreadable: z.number(),
    conflicting: z.number(),
    unrouted: z.number(),
  }),
  deliveries: z.object({ decided: z.number(), ended: z.number(), scheduled: z.number(), inFlight: z.number() }),
  gap: z.number(),
  oldestOpenAt: z.string().nullable(),
});
export type LedgerView = z.infer<typeof ledgerSchema>;
export const getLedger = operation({
  id: 'getLedger',
  method: 'GET',
  path: '/v1/ops/ledger',
  tag,
  summary: 'Everything accepted, counted from two sides.',
  permission,
  answers: { 200: ledgerSchema },
});

const deadRecordSchema = z.object({
  id: z.string(),
  topic: z.string(),
  partition: z.number(),
  offset: z.number(),
  reason: z.string(),
  detail: z.string(),
  at: z.string(),
  redrivenAt: z.string().nullable(),
});
export const listDeadRecords = operation({
  id: 'listDeadRecords',
  method: 'GET',
  path: '/v1/ops/dead-records',
  tag,
  summary: 'Bus records nobody could read, or that conflict.',
  permission,
  query: z.strictObject(pageQuery),
  answers: { 200: pageOf(deadRecordSchema) },
});
export const redriveDeadRecord = operation({
  id: 'redriveDeadRecord',
  method: 'POST',
  path: '/v1/ops/dead-records/:id/redrive',
  tag,
  summary: 'Publish a kept record again.',
  permission,
  params: z.strictObject({ id: uuid() }),
  answers: { 200: deadRecordSchema },
});

export const destinationSchema = z.object({
  id: z.string(),
  accountId: z.string(),
  name: z.string(),
  platform: z.enum(webhookPlatforms),
  url: z.string().nullable().describe('Masked: scheme, host and the last 4 characters'),
  status: z.enum(['enabled', 'disabled', 'failing', 'tripped']),
  statusReason: z.string().nullable(),
  consecutiveFailures: z.number(),
  failingSince: z.string().nullable(),
  lastSuccessAt: z.string().nullable(),
  /** Since when its breaker is open: nothing but probes is sent. */
  trippedAt: z.string().nullable(),
});
export type DestinationView = z.infer<typeof destinationSchema>;

export const listDestinations = operation({
  id: 'listDestinations',
  method: 'GET',
  path: '/v1/ops/destinations',
  tag,
  summary: 'Webhooks of all accounts that fail, don’t answer, or are disabled.',
  permission,
  query: z.strictObject({ ...pageQuery, status: z.enum(['failing', 'tripped', 'disabled']).optional() }),
  answers: { 200: pageOf(destinationSchema) },
});
export const enableDestination = operation({
  id: 'enableDestination',
  method: 'POST',
  path: '/v1/ops/destinations/:id/enable',
  tag,
  summary: 'Switch a webhook on again.',
  permission,
  params: z.strictObject({ id: uuid() }),
  answers: { 200: destinationSchema },
});
export const resetBreaker = operation({
  id: 'resetBreaker',
  method: 'POST',
  path: '/v1/ops/destinations/:id/reset-breaker',
  tag,
  summary: 'Call a webhook again at once, without waiting for a probe.',
  permission,
  params: z.strictObject({ id: uuid() }),
  answers: { 200: destinationSchema },
});

export const operatorOperations = [
  listAccounts,
  createAccount,
  getOpsAccount,
  updateAccount,
  listProducers,
  createProducer,
  createKey,
  deleteKey,
  listDeliveries,
  getDelivery,
  replayDeliveries,
  cancelDeliveries,
  getLedger,
  listDeadRecords,
  redriveDeadRecord,
  listDestinations,
  enableDestination,
  resetBreaker,
];
