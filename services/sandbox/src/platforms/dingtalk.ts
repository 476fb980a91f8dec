/** DingTalk's custom robot: `/robot/send?access_token=…`. Errors are HTTP 200 with an `errcode`. */
import { createHmac } from 'node:crypto';
import type { Limit } from '../rate-limits.js';
import { type RecordedAnswerName, recordedAnswers } from '../recorded-answers.js';
import type { Robot } from '../robots.js';
import { type Fields, isFields, isText, mediaType, parseJson } from './payload.js';
import { accept, type Platform, type PlatformAnswer, type PlatformRequest, refuse } from './platform.js';

const MAX_BODY_BYTES = 20_000;
const MAX_SKEW_MS = 3_600_000;
const ROBOT_LIMITS: readonly Limit[] = [{ count: 20, windowMs: 60_000, penaltyMs: 600_000 }];
const ADDRESS_LIMITS: readonly Limit[] = [{ count: 10_000, windowMs: 20_000, penaltyMs: 300_000 }];

export const dingtalk: Platform = {
  id: 'dingtalk',
  serves: (path) => path === '/robot/send',
  token: (request) => request.query.get('access_token') || undefined,
  url: (token) => `https://oapi.dingtalk.com/robot/send?access_token=${encodeURIComponent(token)}`,

  answer(request, ground) {
    if (ground.admit(`address ${request.from}`, ADDRESS_LIMITS) > 0) return recorded('dingtalk ip ban');
    if (request.method !== 'POST') return error(43002, '需要POST请求');
    if (mediaType(request) !== 'application/json') return error(43004, '无效的HTTP HEADER Content-Type');
    const token = dingtalk.token(request);
    if (!token) return error(40035, '缺少参数 access_token');
    const robot = ground.robot(token);
    if (!robot) return recorded('dingtalk token');
    if (request.body.length > MAX_BODY_BYTES) return recorded('dingtalk size');
    const message = parseJson(request.body);
    if (!isFields(message)) return error(40035, '缺少参数 json');
    const fault = faultOf(message);
    if (fault) return fault;
    const refusal = refusalBySecurity(robot, request, message, ground.now);
    if (refusal) return refusal;
    if (ground.admit(token, ROBOT_LIMITS) > 0) return recorded('dingtalk fast');
    return accept(200, recordedAnswers['dingtalk ok'].body);
  },
};

/** base64(HMAC-SHA256(key = secret, message = timestamp + "\n" + secret)). */
export function dingtalkSign(timestamp: string, secret: string): string {
  return createHmac('sha256', secret).update(`${timestamp}\n${secret}`).digest('base64');
}

function refusalBySecurity(
  robot: Robot,
  request: PlatformRequest,
  message: Fields,
  now: number,
): PlatformAnswer | undefined {
  if (robot.allowedAddresses.length > 0 && !robot.allowedAddresses.includes(request.from)) {
    return error(310000, `ip ${request.from} not in whitelist`);
  }
  if (robot.secret !== undefined) {
    const timestamp = request.query.get('timestamp') ?? '';
    if (!/^\d+$/.test(timestamp)) return recorded('dingtalk sign');
    if (Math.abs(now - Number(timestamp)) > MAX_SKEW_MS) return recorded('dingtalk clock');
    if (request.query.get('sign') !== dingtalkSign(timestamp, robot.secret)) return recorded('dingtalk sign');
  }
  const body = keywordTexts(message).join('\n');
  if (robot.keywords.length > 0 && !robot.keywords.some((keyword) => body.includes(keyword))) {
    return recorded('dingtalk keyword');
  }
  return undefined;
}

/** A keyword in a markdown's or card's title alone isn't known to count, so here it doesn't. */
function keywordTexts(message: Fields): string[] {
  const type = String(message.msgtype);
  const content = message[type] as Fields;
  if (type === 'feedCard') return (content.links as Fields[]).map((link) => String(link.title));
  if (type === 'link') return [String(content.title), String(content.text)];
  return [String(content[type === 'text' ? 'content' : 'text'])];
}

const requiredFields: Record<string, readonly string[]> = {
  text: ['content'],
  link: ['title', 'text', 'messageUrl'],
  markdown: ['title', 'text'],
  actionCard: ['title', 'text'],
  feedCard: [],
};

function faultOf(message: Fields): PlatformAnswer | undefined {
  const type = message.msgtype;
  if (!isText(type)) return error(40035, '缺少参数 msgtype');
  const required = Object.hasOwn(requiredFields, type) ? requiredFields[type] : undefined;
  if (!required) return error(400105, '不支持的消息类型');
  const content = message[type];
  if (!isFields(content)) return error(40035, `缺少参数 ${type}`);
  const missing =
    required.find((field) => !isText(content[field])) ??
    (type === 'actionCard' ? missingInCard(content) : undefined) ??
    (type === 'feedCard' ? missingInFeed(content) : undefined);
  return missing ? error(40035, `缺少参数 ${type}.${missing}`) : undefined;
}

function missingInCard(card: Fields): string | undefined {
  if (isText(card.singleTitle) && isText(card.singleURL)) return undefined;
  const buttons = card.btns;
  if (!Array.isArray(buttons) || buttons.length === 0) return isText(card.singleTitle) ? 'singleURL' : 'singleTitle';
  const bad = buttons.findIndex((it) => !isFields(it) || !isText(it.title) || !isText(it.actionURL));
  return bad === -1 ? undefined : `btns[${bad}]`;
}

function missingInFeed(feed: Fields): string | undefined {
  const links = feed.links;
  if (!Array.isArray(links) || links.length === 0) return 'links';
  const fields = ['title', 'messageURL', 'picURL'];
  const bad = links.findIndex((it) => !isFields(it) || fields.some((field) => !isText(it[field])));
  return bad === -1 ? undefined : `links[${bad}]`;
}

function recorded(name: RecordedAnswerName): PlatformAnswer {
  return refuse(recordedAnswers[name].status, recordedAnswers[name].body);
}

function error(errcode: number, errmsg: string): PlatformAnswer {
  return refuse(200, { errcode, errmsg });
}
