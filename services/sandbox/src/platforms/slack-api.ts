/** Slack's Web API, as far as a bot that posts needs it: `/api/chat.postMessage` and `/api/auth.test`. Errors are mostly HTTP 200 with `ok: false`. */
import { createHash } from 'node:crypto';
import type { Robot } from '../robots.js';
import { type Fields, isFields, isText, mediaType, parseJson } from './payload.js';
import { accept, type Platform, type PlatformAnswer, type PlatformRequest, refuse } from './platform.js';
import { messageFault } from './slack-blocks.js';
import { retryAfter, slackLimits } from './slack-webhook.js';

export const slackApi: Platform = {
  id: 'slack',
  serves: (path) => path.startsWith('/api/'),
  token: (request) => /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1] ?? tokenInForm(request),
  url: () => 'https://slack.com/api/chat.postMessage',
  decode: argumentsOf,

  answer(request, ground) {
    const method = request.path.slice('/api/'.length);
    if (method !== 'chat.postMessage' && method !== 'auth.test') return error('unknown_method');
    const token = slackApi.token(request);
    if (!token) return error('not_authed');
    const robot = ground.robot(token);
    if (!robot) return error('invalid_auth');
    if (method === 'auth.test')
      return accept(200, { ok: true, url: 'https://sandbox.slack.com/', team: 'Sandbox', user: robot.name });
    const given = argumentsOf(request);
    if (given === undefined)
      return error(mediaType(request) === 'application/json' ? 'invalid_json' : 'invalid_post_type');
    if (!isFields(given)) return error('json_not_object');
    return post(given, robot, ground.now, (channel) => ground.admit(`${token} ${channel}`, slackLimits));
  },
};

function post(given: Fields, robot: Robot, now: number, admit: (channel: string) => number): PlatformAnswer {
  const channel = given.channel;
  if (!isText(channel)) return error('channel_not_found');
  if (robot.channels.length > 0 && !robot.channels.includes(channel)) return error('not_in_channel');
  const fault = messageFault(given);
  if (fault) return error(fault.error, fault.messages);
  const waitMs = admit(channel);
  if (waitMs > 0) return refuse(429, { ok: false, error: 'ratelimited' }, { 'retry-after': retryAfter(waitMs) });
  const id = /^[CDG][A-Z0-9]{6,}$/.test(channel) ? channel : channelId(channel);
  const { text = '', blocks, attachments } = given;
  const ts = `${Math.floor(now / 1000)}.${String((now % 1000) * 1000).padStart(6, '0')}`;
  return accept(200, {
    ok: true,
    channel: id,
    ts,
    message: { type: 'message', bot_id: 'B0SANDBOX', ts, text, blocks, attachments },
  });
}

/** A name such as `#alerts` is answered with an id. */
function channelId(name: string): string {
  return `C${createHash('sha256').update(name).digest('hex').slice(0, 10).toUpperCase()}`;
}

/** JSON, or a form whose structured fields are JSON, as Slack's own client sends them. */
function argumentsOf(request: PlatformRequest): unknown {
  if (mediaType(request) === 'application/json') return parseJson(request.body);
  if (mediaType(request) !== 'application/x-www-form-urlencoded') return undefined;
  const fields = [...new URLSearchParams(request.body.toString('utf8'))].filter(([name]) => name !== 'token');
  return Object.fromEntries(
    fields.map(([name, value]) => {
      if (name !== 'blocks' && name !== 'attachments' && name !== 'metadata') return [name, value];
      return [name, parseJson(Buffer.from(value)) ?? value];
    }),
  );
}

function tokenInForm(request: PlatformRequest): string | undefined {
  if (mediaType(request) !== 'application/x-www-form-urlencoded') return undefined;
  return new URLSearchParams(request.body.toString('utf8')).get('token') || undefined;
}

function error(code: string, messages: readonly string[] = []): PlatformAnswer {
  return refuse(200, {
    ok: false,
    error: code,
    ...(messages.length > 0 && { errors: messages, response_metadata: { messages } }),
  });
}
