/** People: sessions and settings (api.md). */
import { z } from 'zod';
import { policyChannels, webhookPlatforms } from '../channels.js';
import { locales } from '../content.js';
import { severities } from '../lanes.js';
import { operation, pageOf, pageQuery, text, uuid } from './operation.js';

export const EMAIL =
  /^[A-Za-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.)+[A-Za-z0-9-]{2,63}$/;
export const emailAddress = z.string().max(254).regex(EMAIL, 'expected an e-mail address such as name@example.com');
export const timeZone = z.string().refine(isTimeZone, 'expected a time zone such as Asia/Shanghai');
const oneLine = (min: number, max: number) =>
  text(min, max).refine((value) => !/[\r\n]/.test(value), 'expected one line');

function isTimeZone(value: string): boolean {
  try {
    new Intl.DateTimeFormat('en-US', { timeZone: value });
    return true;
  } catch {
    return false;
  }
}

const byId = z.strictObject({ id: uuid() });
const page = z.strictObject(pageQuery);

export const getSession = operation({
  id: 'getSession',
  method: 'GET',
  path: '/v1/session',
  tag: 'Session',
  summary: 'Who is signed in, and what they may do.',
  permission: 'signed-in',
  answers: {
    200: z.object({
      user: z.object({
        id: z.string(),
        email: z.string(),
        name: z.string(),
        locale: z.string().nullable(),
        operator: z.boolean(),
      }),
      account: z.object({ id: z.string(), name: z.string() }).nullable(),
      accounts: z.array(z.object({ id: z.string(), name: z.string() })),
      policies: z.array(z.string()),
    }),
  },
});
export const createSession = operation({
  id: 'createSession',
  method: 'POST',
  path: '/v1/session',
  tag: 'Session',
  summary: 'Sign in by e-mail and password.',
  permission: 'public',
  body: z.strictObject({ email: z.string().max(254), password: z.string().max(1_000) }),
  answers: { 200: z.object({ user: z.object({ id: z.string(), email: z.string(), name: z.string() }) }) },
});
export const deleteSession = operation({
  id: 'deleteSession',
  method: 'DELETE',
  path: '/v1/session',
  tag: 'Session',
  summary: 'Sign out.',
  permission: 'signed-in',
  answers: { 204: null },
});

export const getCatalogue = operation({
  id: 'getCatalogue',
  method: 'GET',
  path: '/v1/catalogue',
  tag: 'Settings',
  summary: 'The categories and their message types.',
  permission: 'signed-in',
  answers: {
    200: z.object({
      categories: z.array(
        z.object({
          code: z.string(),
          aliyunCode: z.string(),
          names: z.record(z.string(), z.string()),
          subtypes: z.array(
            z.object({
              code: z.string(),
              names: z.record(z.string(), z.string()),
              policy: z.record(z.string(), z.number()),
              severity: z.string(),
              recommendedFor: z.array(z.string()),
            }),
          ),
        }),
      ),
    }),
  },
});

export const recipientTitles = [
  'ceo',
  'finance-director',
  'technical-director',
  'maintenance-director',
  'project-director',
  'security',
  'other',
] as const;

const recipientShape = {
  name: oneLine(2, 64),
  title: z.enum(recipientTitles),
  email: emailAddress,
  locale: z.enum(locales).nullable().optional(),
  timeZone: timeZone.nullable().optional(),
};
export const recipientBodySchema = z.strictObject(recipientShape);
export type RecipientBody = z.infer<typeof recipientBodySchema>;
export const recipientPatchSchema = z.strictObject(recipientShape).partial();
export type RecipientPatch = z.infer<typeof recipientPatchSchema>;
export const recipientSchema = z.object({
  id: z.string(),
  name: z.string(),
  title: z.string(),
  email: z.string(),
  locale: z.string().nullable(),
  timeZone: z.string().nullable(),
  verifiedAt: z.string().nullable(),
  isDefault: z.boolean(),
  createdAt: z.string(),
});
export type Recipient = z.infer<typeof recipientSchema>;

const recipientTag = 'Recipients';
export const listRecipients = operation({
  id: 'listRecipients',
  method: 'GET',
  path: '/v1/recipients',
  tag: recipientTag,
  summary: 'All recipients.',
  permission: 'read',
  query: page,
  answers: { 200: pageOf(recipientSchema) },
});
export const createRecipient = operation({
  id: 'createRecipient',
  method: 'POST',
  path: '/v1/recipients',
  tag: recipientTag,
  summary: 'Add a recipient; nothing is sent.',
  permission: 'full',
  body: recipientBodySchema,
  status: 201,
  answers: { 201: recipientSchema },
});
export const getRecipient = operation({
  id: 'getRecipient',
  method: 'GET',
  path: '/v1/recipients/:id',
  tag: recipientTag,
  summary: 'One recipient.',
  permission: 'read',
  params: byId,
  answers: { 200: recipientSchema },
});
export const updateRecipient = operation({
  id: 'updateRecipient',
  method: 'PATCH',
  path: '/v1/recipients/:id',
  tag: recipientTag,
  summary: 'Change a recipient. A changed e-mail is unverified again.',
  permission: 'full',
  params: byId,
  body: recipientPatchSchema,
  answers: { 200: recipientSchema },
});
export const deleteRecipient = operation({
  id: 'deleteRecipient',
  method: 'DELETE',
  path: '/v1/recipients/:id',
  tag: recipientTag,
  summary: 'Remove a recipient; one in use only with force.',
  permission: 'full',
  params: byId,
  query: z.strictObject({ force: z.enum(['true', 'false']).optional() }),
  answers: { 204: null },
});
export const sendVerification = operation({
  id: 'sendVerification',
  method: 'POST',
  path: '/v1/recipients/:id/send-verification',
  tag: recipientTag,
  summary: 'Mail a link and a code to verify the address.',
  permission: 'full',
  params: byId,
  status: 202,
  answers: { 202: z.object({ status: z.literal('sent') }) },
});
export const verifyRecipient = operation({
  id: 'verifyRecipient',
  method: 'POST',
  path: '/v1/recipients/verify',
  tag: recipientTag,
  summary: 'Verify an address by the link’s token, or by the code.',
  permission: 'public',
  body: z.union([
    z.strictObject({ token: z.string().min(1).max(200) }),
    z.strictObject({ recipientId: uuid(), code: z.string().regex(/^\d{6}$/, 'expected 6 digits') }),
  ]),
  answers: { 200: z.object({ recipientId: z.string(), verifiedAt: z.string() }) },
});

const keywords = z.array(text(1, 64)).max(10);
export const webhookBodySchema = z.strictObject({
  name: oneLine(1, 64),
  platform: z.enum(webhookPlatforms),
  url: z.string().max(2_000).optional(),
  secret: z.string().min(1).max(200).optional(),
  botToken: z.string().max(200).optional(),
  channel: z.string().max(80).optional(),
  keywords: keywords.optional(),
});
export type WebhookBody = z.infer<typeof webhookBodySchema>;
/** Keys not given stay; `secret: null` takes a robot's signing secret away. */
export const webhookPatchSchema = webhookBodySchema
  .omit({ platform: true })
  .partial()
  .extend({
    secret: z.string().min(1).max(200).nullable().optional(),
    status: z.enum(['enabled', 'disabled']).optional(),
  });
export type WebhookPatch = z.infer<typeof webhookPatchSchema>;
export const webhookSchema = z.object({
  id: z.string(),
  name: z.string(),
  platform: z.enum(webhookPlatforms),
  url: z.string().nullable().describe('Masked: scheme, host and the last 4 characters'),
  channel: z.string().nullable(),
  hasSecret: z.boolean(),
  keywords: z.array(z.string()),
  status: z.enum(['enabled', 'disabled', 'failing', 'tripped']),
  statusReason: z.string().nullable(),
  consecutiveFailures: z.number(),
  lastSuccessAt: z.string().nullable(),
  createdAt: z.string(),
});
export type Webhook = z.infer<typeof webhookSchema>;

const webhookTag = 'Webhooks';
export const listWebhooks = operation({
  id: 'listWebhooks',
  method: 'GET',
  path: '/v1/webhooks',
  tag: webhookTag,
  summary: 'All webhooks.',
  permission: 'read',
  query: page,
  answers: { 200: pageOf(webhookSchema) },
});
export const createWebhook = operation({
  id: 'createWebhook',
  method: 'POST',
  path: '/v1/webhooks',
  tag: webhookTag,
  summary: 'Add a robot or a custom URL. A custom URL’s signing secret is shown once.',
  permission: 'full',
  body: webhookBodySchema,
  status: 201,
  answers: { 201: webhookSchema.extend({ secret: z.string().optional() }) },
});
export const getWebhook = operation({
  id: 'getWebhook',
  method: 'GET',
  path: '/v1/webhooks/:id',
  tag: webhookTag,
  summary: 'One webhook.',
  permission: 'read',
  params: byId,
  answers: { 200: webhookSchema },
});
export const updateWebhook = operation({
  id: 'updateWebhook',
  method: 'PATCH',
  path: '/v1/webhooks/:id',
  tag: webhookTag,
  summary: 'Change, enable or disable a webhook.',
  permission: 'full',
  params: byId,
  body: webhookPatchSchema,
  answers: { 200: webhookSchema },
});
export const deleteWebhook = operation({
  id: 'deleteWebhook',
  method: 'DELETE',
  path: '/v1/webhooks/:id',
  tag: webhookTag,
  summary: 'Remove a webhook; one in use only with force.',
  permission: 'full',
  params: byId,
  query: z.strictObject({ force: z.enum(['true', 'false']).optional() }),
  answers: { 204: null },
});
export const testWebhook = operation({
  id: 'testWebhook',
  method: 'POST',
  path: '/v1/webhooks/:id/test',
  tag: webhookTag,
  summary: 'Send a real message now, and show the provider’s answer.',
  permission: 'full',
  params: byId,
  answers: {
    200: z.object({
      delivered: z.boolean(),
      providerCode: z.string().optional(),
      providerMessage: z.string().optional(),
      durationMs: z.number(),
      advice: z.string().optional(),
    }),
  },
});

export const rotateWebhookSecret = operation({
  id: 'rotateWebhookSecret',
  method: 'POST',
  path: '/v1/webhooks/:id/rotate-secret',
  tag: webhookTag,
  summary: 'Give a custom URL a new signing secret, shown once; for 24 h the former one signs as well.',
  permission: 'full',
  params: byId,
  answers: { 200: z.object({ secret: z.string() }) },
});

const state = z.union([z.literal(-2), z.literal(-1), z.literal(0), z.literal(1)]);
const channelStates = z.strictObject({ inbox: state, email: state, webhook: state });
const keywordList = z.array(text(1, 64)).max(20);
export const rulesSchema = z.strictObject({
  minimumSeverity: z.enum(severities),
  includeKeywords: keywordList,
  excludeKeywords: keywordList,
});
export type Rules = z.infer<typeof rulesSchema>;
export const subscriptionChangeSchema = z.strictObject({
  channels: channelStates.partial().optional(),
  recipientIds: z.array(uuid()).max(20).nullable().optional(),
  webhookIds: z.array(uuid()).max(10).optional(),
  rules: rulesSchema.partial().optional(),
  revision: z.number().int().min(0),
});
export type SubscriptionChange = z.infer<typeof subscriptionChangeSchema>;
export const subscriptionSchema = z.object({
  scope: z.string(),
  category: z.string(),
  inherited: z.boolean(),
  policy: z.record(z.enum(policyChannels), z.number()),
  channels: z.record(z.enum(policyChannels), z.number()),
  recipientIds: z.array(z.string()).nullable(),
  webhookIds: z.array(z.string()),
  rules: rulesSchema,
  revision: z.number(),
  updatedAt: z.string().nullable(),
  updatedBy: z.string().nullable(),
});
export type Subscription = z.infer<typeof subscriptionSchema>;

const scopeOf = z.strictObject({ scope: z.string().max(64) });
const subscriptionTag = 'Subscriptions';
export const listSubscriptions = operation({
  id: 'listSubscriptions',
  method: 'GET',
  path: '/v1/subscriptions',
  tag: subscriptionTag,
  summary: 'One per message type, resolved.',
  permission: 'read',
  answers: { 200: z.object({ items: z.array(subscriptionSchema), nextCursor: z.null() }) },
});
export const getSubscription = operation({
  id: 'getSubscription',
  method: 'GET',
  path: '/v1/subscriptions/:scope',
  tag: subscriptionTag,
  summary: 'Of a message type or a category.',
  permission: 'read',
  params: scopeOf,
  answers: { 200: subscriptionSchema },
});
export const putSubscription = operation({
  id: 'putSubscription',
  method: 'PUT',
  path: '/v1/subscriptions/:scope',
  tag: subscriptionTag,
  summary: 'Change it; keys not given stay.',
  permission: 'full',
  params: scopeOf,
  body: subscriptionChangeSchema,
  answers: { 200: subscriptionSchema },
});
export const putSubscriptions = operation({
  id: 'putSubscriptions',
  method: 'PUT',
  path: '/v1/subscriptions',
  tag: subscriptionTag,
  summary: 'Change several, all or nothing.',
  permission: 'full',
  body: z.strictObject({
    changes: z
      .array(subscriptionChangeSchema.extend({ scope: z.string().max(64) }))
      .min(1)
      .max(100),
  }),
  answers: { 200: z.object({ items: z.array(subscriptionSchema) }) },
});
export const deleteSubscription = operation({
  id: 'deleteSubscription',
  method: 'DELETE',
  path: '/v1/subscriptions/:scope',
  tag: subscriptionTag,
  summary: 'Go back to what is inherited.',
  permission: 'full',
  params: scopeOf,
  answers: { 204: null },
});

export const listHistory = operation({
  id: 'listHistory',
  method: 'GET',
  path: '/v1/history',
  tag: 'Settings',
  summary: 'Every change of settings: who, when, before and after.',
  permission: 'read',
  query: z.strictObject({ ...pageQuery, scope: z.string().max(100).optional() }),
  answers: {
    200: pageOf(
      z.object({
        at: z.string(),
        by: z.string(),
        action: z.string(),
        scope: z.string(),
        before: z.unknown(),
        after: z.unknown(),
      }),
    ),
  },
});

const ownAccountSchema = z.object({
  id: z.string(),
  name: z.string(),
  locale: z.string(),
  timeZone: z.string(),
  defaultRecipientId: z.string().nullable(),
  labels: z.record(z.string(), z.string()),
});
export const getAccount = operation({
  id: 'getAccount',
  method: 'GET',
  path: '/v1/account',
  tag: 'Settings',
  summary: 'The account itself.',
  permission: 'read',
  answers: { 200: ownAccountSchema },
});
/** Labels are the operators': audiences are chosen by them. */
export const ownAccountPatchSchema = z
  .strictObject({
    name: oneLine(1, 100),
    locale: z.enum(locales),
    timeZone,
    defaultRecipientId: uuid().nullable(),
  })
  .partial();
export type OwnAccountPatch = z.infer<typeof ownAccountPatchSchema>;
export const updateOwnAccount = operation({
  id: 'updateOwnAccount',
  method: 'PATCH',
  path: '/v1/account',
  tag: 'Settings',
  summary: 'Change its name, language, time zone or default recipient.',
  permission: 'full',
  body: ownAccountPatchSchema,
  answers: { 200: ownAccountSchema },
});

export const settingsOperations = [
  getSession,
  createSession,
  deleteSession,
  getCatalogue,
  getAccount,
  updateOwnAccount,
  listRecipients,
  createRecipient,
  getRecipient,
  updateRecipient,
  deleteRecipient,
  sendVerification,
  verifyRecipient,
  listWebhooks,
  createWebhook,
  getWebhook,
  updateWebhook,
  deleteWebhook,
  testWebhook,
  rotateWebhookSecret,
  listSubscriptions,
  getSubscription,
  putSubscription,
  putSubscriptions,
  deleteSubscription,
  listHistory,
];
