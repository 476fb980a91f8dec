/**
 * From what people enter to a channel's configuration. The channel's own schema judges; here stands only which form of it
 * was meant, so that each fault is told at the field that was entered. Pure.
 */
import { randomBytes } from 'node:crypto';
import type { WebhookBody, WebhookPatch, WebhookPlatform } from '@herald/contracts';
import { type FieldError, pointer } from '@herald/platform';
import type { WebhookConfig } from '@herald/subscriptions';
import { z } from 'zod';

export type Entered = Pick<WebhookBody, 'url' | 'secret' | 'botToken' | 'channel' | 'keywords'>;

export type CheckedConfig =
  | { readonly config: WebhookConfig; readonly errors?: undefined }
  | { readonly config?: undefined; readonly errors: readonly FieldError[] };

/** 256 bits, in the form of Standard Webhooks. */
export function makeSigningSecret(): string {
  return `whsec_${randomBytes(32).toString('base64')}`;
}

/** At least 24 bytes, as Standard Webhooks asks; base64 that decodes to what was meant. */
const SECRET_BYTES_AT_LEAST = 24;

export function newConfig(platform: WebhookPlatform, schema: z.ZodType, entered: Entered): CheckedConfig {
  if (platform !== 'webhook') return check(platform, schema, { ...entered });
  const { secret, ...others } = entered;
  const fault = secret === undefined ? null : secretFault(secret);
  if (fault) return { errors: [{ path: '/secret', message: fault }] };
  return check(platform, schema, { ...others, secrets: [secret ?? makeSigningSecret()] });
}

/** Null where the change leaves the configuration alone. What isn't given stays; a new address is judged anew. */
export function changedConfig(
  platform: WebhookPlatform,
  schema: z.ZodType,
  current: WebhookConfig,
  { name: _name, status: _status, ...patch }: WebhookPatch,
): CheckedConfig | null {
  const given = Object.fromEntries(Object.entries(patch).filter(([, value]) => value !== undefined));
  if (Object.keys(given).length === 0) return null;
  if (platform === 'webhook' && 'secret' in given) {
    return { errors: [{ path: '/secret', message: 'is changed by POST …/rotate-secret' }] };
  }
  const kept = { ...current };
  // Slack's two forms replace each other.
  if ('url' in given) for (const key of ['botToken', 'channel']) delete (kept as Record<string, unknown>)[key];
  if ('botToken' in given || 'channel' in given) delete (kept as Record<string, unknown>).url;
  return check(platform, schema, { ...kept, ...given });
}

function check(platform: WebhookPlatform, schema: z.ZodType, entered: Record<string, unknown>): CheckedConfig {
  const values = Object.fromEntries(
    Object.entries(entered).filter(([, value]) => value !== undefined && value !== null && !isEmptyList(value)),
  );
  const form = closestForm(schema, values);
  const errors: FieldError[] = Object.keys(values)
    .filter((key) => !(key in form.shape))
    .map((key) => ({ path: `/${key}`, message: `is not used here by ${platform}` }));
  const parsed = form.safeParse(values);
  if (!parsed.success) {
    for (const { path, message } of parsed.error.issues) {
      const isMissing = path.length === 1 && !(path[0]! in values);
      errors.push({ path: pointer(path), message: isMissing ? `is required by ${platform}` : message });
    }
  }
  return errors.length > 0 ? { errors } : { config: parsed.data as WebhookConfig };
}

/** Of a union the form with the fewest fields that are missing or not its own. */
function closestForm(schema: z.ZodType, values: Record<string, unknown>): z.ZodObject {
  const forms = (schema instanceof z.ZodUnion ? schema.options : [schema]) as z.ZodObject[];
  const distance = ({ shape }: z.ZodObject) =>
    Object.keys(values).filter((key) => !(key in shape)).length +
    Object.entries(shape).filter(([key, field]) => !(key in values) && !field.safeParse(undefined).success).length;
  return [...forms].sort((a, b) => distance(a) - distance(b))[0]!;
}

function isEmptyList(value: unknown): boolean {
  return Array.isArray(value) && value.length === 0;
}

function secretFault(secret: string): string | null {
  const text = secret.startsWith('whsec_') ? secret.slice('whsec_'.length) : null;
  const bytes = text === null ? null : Buffer.from(text, 'base64');
  if (text === null || bytes === null || bytes.toString('base64').replace(/=+$/, '') !== text.replace(/=+$/, '')) {
    return 'expected whsec_ and base64, or leave it out: Herald makes one';
  }
  return bytes.length >= SECRET_BYTES_AT_LEAST ? null : `expected at least ${SECRET_BYTES_AT_LEAST} bytes`;
}

const BOTH_SIGN_FOR_MS = 24 * 3_600_000;
const RETIRING_AT_MOST = 2;

/** For a day the former secret signs as well, so that a receiver can change over without losing a message. */
export function rotatedConfig(current: WebhookConfig, secret: string, now: Date): WebhookConfig {
  const { secrets, retiring = [] } = current as { secrets: string[]; retiring?: { secret: string; until: string }[] };
  const until = new Date(now.getTime() + BOTH_SIGN_FOR_MS).toISOString();
  const former = [
    ...secrets.map((old) => ({ secret: old, until })),
    ...retiring.filter((old) => new Date(old.until) > now),
  ];
  return { ...current, secrets: [secret], retiring: former.slice(0, RETIRING_AT_MOST) };
}
