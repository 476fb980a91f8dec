/**
 * Answers of the real platforms, word for word as they were recorded. The imitations give those that they can decide;
 * a fault `{kind: 'answer', recorded: 'lark gateway'}` gives any of them.
 */
export interface RecordedAnswer {
  readonly status: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body: unknown;
}

const text = { 'content-type': 'text/plain; charset=utf-8' };
const json = <Body>(body: Body, status = 200, headers?: Record<string, string>) => ({
  status,
  headers,
  body,
});
const plain = (status: number, body: string, headers?: Record<string, string>): RecordedAnswer => ({
  status,
  headers: { ...text, ...headers },
  body,
});

export const recordedAnswers = {
  'dingtalk ok': json({ errcode: 0, errmsg: 'ok' }),
  'dingtalk keyword': json({
    errcode: 310000,
    errmsg: 'keywords not in content, more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]',
  }),
  'dingtalk sign': json({
    errcode: 310000,
    errmsg:
      'description:机器人发送签名不匹配;solution:请确认签名和生成签名的时间戳必须都放在调用的网址中，请确认机器人的密钥加密和填写正确;link:请参考本接口对应文档获得具体要求，或者在https://open.dingtalk.com/document/  搜索相关文档;',
  }),
  'dingtalk sign (old)': json({
    errcode: 310000,
    errmsg: 'sign not match, more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]',
  }),
  'dingtalk clock': json({
    errcode: 310000,
    errmsg: 'invalid timestamp, more: [https://ding-doc.dingtalk.com/doc#/serverapi2/qf2nxq]',
  }),
  'dingtalk ip': json({ errcode: 310000, errmsg: 'ip 1.2.3.4 not in whitelist' }),
  'dingtalk fast': json({ errcode: 130101, errmsg: 'send too fast, exceed 20 times per minute' }),
  'dingtalk fast (new)': json({ errcode: 410100, errmsg: '发送速度太快而限流' }),
  'dingtalk token': json({ errcode: 300005, errmsg: 'token is not exist' }),
  'dingtalk size': json({
    errcode: 460101,
    errmsg: 'description: body 大小不合法;solution:请保持大小在 20000bytes 以内;',
  }),
  'dingtalk ip ban': json({ status: 1111, wait: 5, source: 'x5', punish: 'deny', uuid: 'xxx' }),
  'dingtalk busy': json({ errcode: -1, errmsg: '系统繁忙' }),
  'dingtalk stopped': json({ errcode: 400102, errmsg: '机器人已停用' }),
  'wecom ok': json({ errcode: 0, errmsg: 'ok' }),
  'wecom url': json({
    errcode: 93000,
    errmsg:
      'invalid webhook url, hint: [1755605200056773468916791], from ip: 172.212.167.87, more info at https://open.work.weixin.qq.com/devtool/query?e=93000',
  }),
  'wecom size': json({
    errcode: 40058,
    errmsg:
      'markdown.content exceed max length 4096. invalid Request Parameter, hint: [1704540159128593240839785], from ip: 103.56.76.2, more info at https://open.work.weixin.qq.com/devtool/query?e=40058',
  }),
  'wecom fast': json({
    errcode: 45009,
    errmsg:
      'api freq out of limit, hint: [1773643642077182456917975], from ip: 121.15.137.254, more info at https://open.work.weixin.qq.com/devtool/query?e=45009',
  }),
  'wecom warning': json({ errcode: 0, errmsg: 'ok. Warning: wrong json format. ' }),
  'wecom busy': json({ errcode: -1, errmsg: 'system busy' }),
  'lark ok': json({ StatusCode: 0, StatusMessage: 'success', code: 0, data: {}, msg: 'success' }),
  'lark bad': json({ code: 9499, msg: 'Bad Request', data: {} }),
  'lark fast (400)': json({ code: 9499, msg: 'too many request', data: {} }, 400),
  'lark fast': json({
    code: 11232,
    data: {},
    msg: 'frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]',
  }),
  'lark token': json({ code: 19001, data: {}, msg: 'param invalid: incoming webhook access token invalid' }),
  'lark type': json({ code: 19002, data: {}, msg: 'params error, msg_type need' }),
  'lark sign': json({ code: 19021, msg: 'sign match fail or timestamp is not within one hour from current time' }),
  'lark ip': json({ code: 19022, msg: 'Ip Not Allowed' }),
  'lark keyword': json({ code: 19024, msg: 'Key Words Not Found' }),
  'lark card': json({
    code: 11246,
    msg: 'ErrCode: 200410; ErrMsg: action components are not allowed in the column; ',
  }),
  'lark gateway': json({ code: 99991400, msg: 'request trigger frequency limit' }, 429, {
    'x-ogw-ratelimit-limit': '100',
    'x-ogw-ratelimit-reset': '52',
  }),
  'slack ok': plain(200, 'ok'),
  'slack 200 not ok': plain(200, 'no_service'),
  'slack payload': plain(400, 'invalid_payload'),
  'slack text': plain(400, 'no_text'),
  'slack blocks': plain(400, 'invalid_blocks'),
  'slack attachments': plain(400, 'too_many_attachments'),
  'slack prohibited': plain(403, 'action_prohibited'),
  'slack token': plain(403, 'invalid_token'),
  'slack hooks': plain(404, 'no_active_hooks'),
  'slack service': plain(404, 'no_service'),
  'slack team': plain(404, 'no_team'),
  'slack archived': plain(410, 'channel_is_archived'),
  'slack fast': plain(429, 'rate_limited', { 'retry-after': '30' }),
  'slack rollup': plain(500, 'rollup_error'),
  'slack api': json({ ok: false, error: 'not_in_channel' }),
} satisfies Record<string, RecordedAnswer>;

export type RecordedAnswerName = keyof typeof recordedAnswers;
