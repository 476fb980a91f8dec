/** The custom bot of Lark and Feishu: `/open-apis/bot/v2/hook/<token>`. Errors are mostly HTTP 200 with a `code`. */
import { createHmac } from 'node:crypto';
import type { Limit } from '../rate-limits.js';
import { type RecordedAnswerName, recordedAnswers } from '../recorded-answers.js';
import type { Robot } from '../robots.js';
import { cardFault } from './lark-card.js';
import { type Fields, isFields, isLink, isText, mediaType, parseJson, textsUnder } from './payload.js';
import { accept, type Platform, type PlatformAnswer, type PlatformRequest, refuse } from './platform.js';

const PATH = /^\/open-apis\/bot\/v2\/hook\/([^/]+)$/;
const MAX_BODY_BYTES = 20_000;
const MAX_SKEW_SECONDS = 3_600;
const LIMITS: readonly Limit[] = [
  { count: 5, windowMs: 1_000 },
  { count: 100, windowMs: 60_000 },
];
const keywordFields = new Set(['text', 'title', 'content']);

export const lark: Platform = {
  id: 'lark',
  serves: (path) => PATH.test(path),
  token: (request) => PATH.exec(request.path)?.[1],
  url: (token) => `https://open.feishu.cn/open-apis/bot/v2/hook/${encodeURIComponent(token)}`,

  answer(request, ground) {
    if (request.method !== 'POST') return refuse(404, '404 page not found', { 'content-type': 'text/plain' });
    const token = lark.token(request) ?? '';
    const robot = ground.robot(token);
    if (!robot) return recorded('lark token');
    const message = mediaType(request) === 'application/json' ? parseJson(request.body) : undefined;
    if (request.body.length > MAX_BODY_BYTES || !isFields(message)) return recorded('lark bad');
    const refusal = refusalBySecurity(robot, request, message, ground.now) ?? faultOf(message);
    if (refusal) return refusal;
    if (ground.admit(token, LIMITS) > 0) return recorded('lark fast');
    return accept(200, recordedAnswers['lark ok'].body);
  },
};

/** base64(HMAC-SHA256(key = timestamp + "\n" + secret, message = nothing)); the timestamp counts seconds. */
export function larkSign(timestamp: string, secret: string): string {
  return createHmac('sha256', `${timestamp}\n${secret}`).digest('base64');
}

function refusalBySecurity(
  robot: Robot,
  request: PlatformRequest,
  message: Fields,
  now: number,
): PlatformAnswer | undefined {
  if (robot.allowedAddresses.length > 0 && !robot.allowedAddresses.includes(request.from)) return recorded('lark ip');
  if (robot.secret !== undefined) {
    const timestamp = message.timestamp;
    // The vendor's sample sends text; that a number would do is confirmed nowhere.
    if (!isText(timestamp) || !/^\d+$/.test(timestamp)) return recorded('lark sign');
    if (Math.abs(now / 1000 - Number(timestamp)) > MAX_SKEW_SECONDS) return recorded('lark sign');
    if (message.sign !== larkSign(timestamp, robot.secret)) return recorded('lark sign');
  }
  const texts = textsUnder({ content: message.content, card: message.card }, keywordFields).join('\n');
  if (robot.keywords.length > 0 && !robot.keywords.some((keyword) => texts.includes(keyword))) {
    return recorded('lark keyword');
  }
  return undefined;
}

function faultOf(message: Fields): PlatformAnswer | undefined {
  const content = isFields(message.content) ? message.content : {};
  switch (message.msg_type) {
    case undefined:
    case '':
      return recorded('lark type');
    case 'text':
      return isText(content.text) ? undefined : recorded('lark bad');
    case 'post':
      return isPost(content.post) ? undefined : recorded('lark bad');
    case 'image':
      return isText(content.image_key) ? undefined : recorded('lark bad');
    case 'share_chat':
      return isText(content.share_chat_id) ? undefined : recorded('lark bad');
    case 'interactive': {
      if (!isFields(message.card)) return recorded('lark bad');
      const fault = cardFault(message.card);
      return fault ? refuse(200, { code: 11246, msg: fault }) : undefined;
    }
    default:
      return recorded('lark bad');
  }
}

const spanChecks: Record<string, (span: Fields) => boolean> = {
  text: (span) => typeof span.text === 'string',
  a: (span) => typeof span.text === 'string' && isLink(span.href, ['http:', 'https:', 'mailto:']),
  at: (span) => isText(span.user_id),
  img: (span) => isText(span.image_key),
};

/** One language at least, each a list of paragraphs, each a list of spans. */
function isPost(post: unknown): boolean {
  if (!isFields(post)) return false;
  const languages = Object.values(post);
  return (
    languages.length > 0 &&
    languages.every(
      (language) =>
        isFields(language) &&
        Array.isArray(language.content) &&
        language.content.every((paragraph) => Array.isArray(paragraph) && paragraph.every(isSpan)),
    )
  );
}

function isSpan(span: unknown): boolean {
  if (!isFields(span) || !isText(span.tag) || !Object.hasOwn(spanChecks, span.tag)) return false;
  return spanChecks[span.tag]!(span);
}

function recorded(name: RecordedAnswerName): PlatformAnswer {
  const { status, body } = recordedAnswers[name];
  return refuse(status, body);
}
