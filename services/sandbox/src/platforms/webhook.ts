/**
 * A receiver of custom webhooks, `/webhook/<name>`: takes any name, and checks Standard Webhooks signatures
 * (https://www.standardwebhooks.com) where it was told the secret.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
import { isFields, mediaType, parseJson } from './payload.js';
import { accept, type Platform, type PlatformRequest, refuse } from './platform.js';

const PATH = /^\/webhook\/(.+)$/;
const TOLERANCE_SECONDS = 300;

export const webhook: Platform = {
  id: 'webhook',
  serves: (path) => PATH.test(path),
  token: (request) => PATH.exec(request.path)?.[1],
  url: (token, origin) => `${origin}/webhook/${token}`,

  answer(request, ground) {
    if (request.method !== 'POST') return refuse(405, { error: 'send a POST' }, { allow: 'POST' });
    const secret = ground.robot(webhook.token(request) ?? '')?.secret;
    const problem = secret === undefined ? undefined : signatureFault(request, secret, ground.now);
    if (problem) return refuse(401, { error: problem });
    if (mediaType(request) !== 'application/json') return refuse(415, { error: 'send application/json' });
    return isFields(parseJson(request.body))
      ? accept(200, { received: true })
      : refuse(400, { error: 'not a JSON object' });
  },
};

/** What is wrong with the signature; undefined where one of them holds. */
export function signatureFault(
  request: Pick<PlatformRequest, 'headers' | 'body'>,
  secret: string,
  now: number,
): string | undefined {
  const id = request.headers['webhook-id'];
  const timestamp = request.headers['webhook-timestamp'];
  const signatures = request.headers['webhook-signature'];
  if (!id || !timestamp || !signatures) return 'missing required headers';
  if (!/^\d+$/.test(timestamp)) return 'invalid timestamp';
  const age = Math.floor(now / 1000) - Number(timestamp);
  if (age > TOLERANCE_SECONDS) return 'message timestamp too old';
  if (age < -TOLERANCE_SECONDS) return 'message timestamp too new';
  const key = Buffer.from(secret.replace(/^whsec_/, ''), 'base64');
  const expected = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(request.body).digest();
  const holds = signatures.split(' ').some((entry) => {
    const [version, signature = ''] = entry.split(',');
    const given = Buffer.from(signature, 'base64');
    return version === 'v1' && given.length === expected.length && timingSafeEqual(given, expected);
  });
  return holds ? undefined : 'no matching signature';
}
