/** What the admin calls take; anything else is 422, with every fault named. */
import { z } from 'zod';
import { httpFaultKinds, mailFaultKinds, mailStages } from './faults.js';
import { platformIds } from './platforms/platform.js';
import { receivingSides } from './received.js';
import { type RecordedAnswerName, recordedAnswers } from './recorded-answers.js';

const text = z.string().min(1);
const times = z.number().int().min(1).optional();
const delayMs = z.number().int().min(0).max(600_000).optional();
const flag = z.enum(['true', 'false']).transform((value) => value === 'true');

export const robotSchema = z.strictObject({
  platform: z.enum(platformIds),
  token: text.optional(),
  name: text.optional(),
  secret: text.optional(),
  keywords: z.array(text).max(10).default([]),
  allowedAddresses: z.array(text).max(10).default([]),
  channels: z.array(text).default([]),
});

const httpFaultSchema = z.strictObject({
  platform: z.enum(platformIds).optional(),
  kind: z.enum(httpFaultKinds),
  path: text.optional(),
  token: text.optional(),
  status: z.number().int().min(200).max(599).optional(),
  headers: z.record(z.string(), z.string()).optional(),
  body: z.unknown().optional(),
  recorded: z.enum(Object.keys(recordedAnswers) as [RecordedAnswerName]).optional(),
  delayMs,
  accepted: z.boolean().optional(),
  times,
});

const mailFaultSchema = z.strictObject({
  platform: z.literal('mail'),
  kind: z.enum(mailFaultKinds),
  stage: z.enum(mailStages).optional(),
  address: text.optional(),
  code: z.number().int().min(400).max(599).optional(),
  text: z
    .string()
    .regex(/^[\x20-\x7e]+$/)
    .optional(),
  delayMs,
  accepted: z.boolean().optional(),
  times,
});

export const faultSchema = z.union([mailFaultSchema, httpFaultSchema]);

export const receivedQuerySchema = z.strictObject({
  platform: z.enum(receivingSides).optional(),
  since: z.union([z.string().regex(/^\d+$/).transform(Number), z.iso.datetime({ offset: true })]).optional(),
  path: text.optional(),
  accepted: flag.optional(),
  limit: z.coerce.number().int().min(1).max(5_000).optional(),
});

export const settingsSchema = z.strictObject({
  rateLimits: z.boolean().optional(),
  open: z.boolean().optional(),
  clockOffsetMs: z.number().int().optional(),
});
