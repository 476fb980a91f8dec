/** Slack's incoming webhooks: `/services/T…/B…/…`. Success is the text `ok`, and nothing else. */
import type { Limit } from '../rate-limits.js';
import { type RecordedAnswerName, recordedAnswers } from '../recorded-answers.js';
import { isFields, mediaType, parseJson } from './payload.js';
import { accept, type Ground, type Platform, type PlatformAnswer, type PlatformRequest, refuse } from './platform.js';
import { messageFault } from './slack-blocks.js';

const PATH = /^\/services\/(T[^/]*\/B[^/]*\/[^/]+)$/;
export const slackLimits: readonly Limit[] = [{ burst: 5, everyMs: 1_000 }];

export const slackWebhook: Platform = {
  id: 'slack',
  serves: (path) => path.startsWith('/services/'),
  token: (request) => PATH.exec(request.path)?.[1],
  url: (token) => `https://hooks.slack.com/services/${token}`,
  decode: messageOf,

  answer(request, ground) {
    const token = slackWebhook.token(request);
    if (!token) return recorded('slack team');
    if (!ground.robot(token)) return unknown(token, ground);
    const message = request.method === 'POST' ? messageOf(request) : undefined;
    if (!isFields(message)) return recorded('slack payload');
    const fault = messageFault(message);
    if (fault) return refuse(400, fault.error === 'msg_blocks_too_long' ? 'invalid_blocks' : fault.error, text);
    const waitMs = ground.admit(token, slackLimits);
    if (waitMs > 0) return { ...recorded('slack fast'), headers: { ...text, 'retry-after': retryAfter(waitMs) } };
    return accept(200, recordedAnswers['slack ok'].body, text);
  },
};

const text = { 'content-type': 'text/plain; charset=utf-8' };

export function retryAfter(waitMs: number): string {
  return String(Math.max(1, Math.ceil(waitMs / 1000)));
}

/** JSON, or a form whose field `payload` is JSON. */
function messageOf(request: PlatformRequest): unknown {
  if (mediaType(request) === 'application/json') return parseJson(request.body);
  if (mediaType(request) !== 'application/x-www-form-urlencoded') return undefined;
  return parseJson(Buffer.from(new URLSearchParams(request.body.toString('utf8')).get('payload') ?? ''));
}

/** Slack says which part of the address it doesn't know. */
function unknown(token: string, ground: Ground): PlatformAnswer {
  const [team, service] = token.split('/');
  const known = ground.robots.map((robot) => robot.token.split('/'));
  if (known.some((parts) => parts[0] === team && parts[1] === service)) return recorded('slack token');
  return recorded(known.some((parts) => parts[0] === team) ? 'slack service' : 'slack team');
}

function recorded(name: RecordedAnswerName): PlatformAnswer {
  return refuse(recordedAnswers[name].status, recordedAnswers[name].body, text);
}
