/** Takes the platforms' calls in: which platform, which fault, its answer, and the record of it. */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { HttpFault } from './faults.js';
import { dingtalk } from './platforms/dingtalk.js';
import { lark } from './platforms/lark.js';
import { parseJson } from './platforms/payload.js';
import type { Ground, Platform, PlatformAnswer, PlatformRequest } from './platforms/platform.js';
import { slackApi } from './platforms/slack-api.js';
import { slackWebhook } from './platforms/slack-webhook.js';
import { webhook } from './platforms/webhook.js';
import { wecom } from './platforms/wecom.js';
import { type Play, playFault } from './play-fault.js';
import { makeRobot } from './robots.js';
import type { SandboxState } from './sandbox-state.js';

const platforms: readonly Platform[] = [dingtalk, wecom, lark, slackWebhook, slackApi, webhook];

export function platformAt(path: string): Platform | undefined {
  return platforms.find((platform) => platform.serves(path));
}

/** The address to paste for a robot; Slack has one for webhooks and one for bots. */
export function robotUrl(robot: { platform: string; token: string }, origin: string): string {
  if (robot.platform === 'slack')
    return (robot.token.startsWith('xox') ? slackApi : slackWebhook).url(robot.token, origin);
  return platforms.find(({ id }) => id === robot.platform)!.url(robot.token, origin);
}

export function addPlatformRoutes(app: FastifyInstance, state: SandboxState): void {
  app.all('/*', async (request, reply) => {
    const called = toPlatformRequest(request);
    const platform = platformAt(called.path);
    if (!platform) return reply.code(404).type('text/plain; charset=utf-8').send('404 page not found');
    const token = platform.token(called);
    const fault = state.faults.takeForHttp(platform.id, request.url, token);
    const takesPart = !fault || fault.kind === 'slow' || fault.accepted === true;
    const answer = takesPart ? platform.answer(called, groundOf(platform, state)) : undefined;
    const play = !fault || fault.kind === 'slow' ? undefined : playFault(fault as Parameters<typeof playFault>[0]);
    record(state, platform, called, request.url, { answer, play, fault, token });
    if (fault?.delayMs || fault?.kind === 'slow') await pause(fault.delayMs ?? 3_000);
    return play ? perform(play, reply) : give(answer!, reply, state.clock.now());
  });
}

function toPlatformRequest(request: FastifyRequest): PlatformRequest {
  const { pathname, searchParams } = new URL(request.url, 'http://sandbox');
  return {
    method: request.method,
    path: decodePath(pathname),
    query: searchParams,
    headers: headersOf(request),
    body: Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0),
    from: request.ip.replace(/^::ffff:/, ''),
  };
}

function decodePath(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

function headersOf(request: FastifyRequest): Record<string, string> {
  const sent = { ...request.headers, 'content-type': request.sentType };
  const entries = Object.entries(sent).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value!]));
}

function groundOf(platform: Platform, state: SandboxState): Ground {
  const { robots, clock, limits } = state;
  const now = clock.now();
  return {
    now,
    robots: robots.of(platform.id),
    robot: (token) => {
      const known = robots.find(platform.id, token);
      return known ?? (state.isOpen ? makeRobot({ platform: platform.id, token }) : undefined);
    },
    admit: (key, of) => limits.admit(`${platform.id} ${key}`, of, now),
  };
}

interface Happened {
  readonly answer: PlatformAnswer | undefined;
  readonly play: Play | undefined;
  readonly fault: HttpFault | undefined;
  readonly token: string | undefined;
}

function record(
  state: SandboxState,
  platform: Platform,
  called: PlatformRequest,
  url: string,
  { answer, play, fault, token }: Happened,
): void {
  const body = platform.decode?.(called) ?? parseJson(called.body) ?? called.body.toString('utf8');
  state.received.add(
    {
      platform: platform.id,
      at: new Date(state.clock.now()).toISOString(),
      path: url,
      headers: called.headers,
      body,
      answer: shown(play, answer),
      accepted: answer?.accepted ?? false,
      robot: token === undefined ? null : (state.robots.find(platform.id, token)?.name ?? null),
      fault: fault?.kind ?? null,
    },
    called.body.length + url.length + 1_000,
  );
}

const SHOWN_BYTES = 4_096;

function shown(play: Play | undefined, answer: PlatformAnswer | undefined) {
  if (!play) return answer ? { status: answer.status, body: answer.body } : null;
  if (play.act !== 'answer') return null;
  const body = Buffer.from(play.body);
  return { status: play.status, body: parseJson(body) ?? body.subarray(0, SHOWN_BYTES).toString('utf8') };
}

function perform(play: Play, reply: FastifyReply): FastifyReply {
  if (play.act === 'answer') return reply.code(play.status).headers(play.headers).send(play.body);
  reply.hijack();
  if (play.act === 'reset') reply.raw.socket?.resetAndDestroy();
  if (play.act === 'close') reply.raw.socket?.destroy();
  return reply;
}

/** With the sandbox's time in `Date`, which callers compare with their own clock. */
function give(answer: PlatformAnswer, reply: FastifyReply, now: number): FastifyReply {
  const isText = typeof answer.body === 'string';
  const type = isText ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8';
  return reply
    .code(answer.status)
    .headers({ 'content-type': type, date: new Date(now).toUTCString(), ...answer.headers })
    .send(isText ? answer.body : JSON.stringify(answer.body));
}

function pause(delayMs: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, delayMs).unref());
}
