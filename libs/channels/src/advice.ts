/** What an owner can do about a failing destination, in their language. */
import type { Locale } from '@herald/contracts';

const advice: Record<string, Record<Locale, string>> = {
  'keyword-missing': {
    'en-US': 'The robot demands a keyword. Enter its keywords at this webhook, so that Herald can add one.',
    'zh-CN': '机器人设置了关键词。请在此处填写其关键词，以便 Herald 自动附上。',
  },
  'signature-wrong': {
    'en-US': 'The robot checks a signature. Copy its signing secret here again.',
    'zh-CN': '机器人校验签名。请重新复制其加签密钥到此处。',
  },
  'ip-not-allowed': {
    'en-US': 'The robot allows certain IP addresses only. Add the addresses that Herald calls from.',
    'zh-CN': '机器人设置了 IP 白名单。请加入 Herald 的出口地址。',
  },
  'robot-removed': {
    'en-US': 'The robot does not exist any more. Make a new one and enter its address here.',
    'zh-CN': '机器人已不存在。请新建机器人并在此填写新的地址。',
  },
  'robot-disabled': {
    'en-US': 'The robot was disabled in its group. Enable it there.',
    'zh-CN': '机器人已在群内停用。请在群内启用。',
  },
  'robot-refuses': {
    'en-US': 'The platform does not allow this robot to post. Ask the administrator of the group.',
    'zh-CN': '平台不允许该机器人发送。请联系群管理员。',
  },
  'group-dissolved': {
    'en-US': 'The group was dissolved. Remove this webhook.',
    'zh-CN': '群已解散。请删除此接收端。',
  },
  'clock-wrong': {
    'en-US': 'The clock of the Herald server is off. Tell its operator.',
    'zh-CN': 'Herald 服务器时钟有误。请联系运维人员。',
  },
  'endpoint-gone': {
    'en-US': 'The endpoint said it is gone for good (410). Enter a new address.',
    'zh-CN': '该地址已永久失效（410）。请填写新的地址。',
  },
  'endpoint-refuses': {
    'en-US': 'The endpoint refuses the call. Check its credentials and its firewall.',
    'zh-CN': '该地址拒绝调用。请检查其凭证与防火墙。',
  },
  'endpoint-not-found': {
    'en-US': 'There is nothing at this path (404). Check the address.',
    'zh-CN': '该路径不存在（404）。请检查地址。',
  },
  'endpoint-redirects': {
    'en-US': 'The endpoint redirects, which Herald does not follow. Enter the final address.',
    'zh-CN': '该地址发生跳转，Herald 不跟随。请填写最终地址。',
  },
  'address-blocked': {
    'en-US': 'The address is not public. The operator can allow it in HERALD_OUTBOUND_ALLOW.',
    'zh-CN': '该地址不是公网地址。运维人员可在 HERALD_OUTBOUND_ALLOW 中放行。',
  },
  'certificate-invalid': {
    'en-US': 'The certificate of the endpoint is not valid, has expired or is for another name. Renew it.',
    'zh-CN': '该地址的证书无效、已过期或域名不符。请更新证书。',
  },
  'not-http': {
    'en-US': 'What answers there does not speak HTTP, or not on this port. Check scheme and port.',
    'zh-CN': '该地址的应答不是 HTTP，或端口不对。请检查协议与端口。',
  },
  'sender-refused': {
    'en-US': 'The mail server refuses the sender address. Tell the operator.',
    'zh-CN': '邮件服务器拒绝了发件地址。请联系运维人员。',
  },
  'kept-failing': {
    'en-US':
      'It failed for 120 hours without a success, so Herald switched it off. Put it in order, then enable it again.',
    'zh-CN': '该接收端连续 120 小时未成功，Herald 已将其停用。请修复后重新启用。',
  },
  'mailbox-unknown': {
    'en-US': 'The mailbox does not exist. Correct the address.',
    'zh-CN': '邮箱不存在。请更正地址。',
  },
  'mailbox-full': { 'en-US': 'The mailbox is full.', 'zh-CN': '邮箱已满。' },
  'mail-server-refuses': {
    'en-US': 'The mail server refuses Herald’s credentials. Tell the operator.',
    'zh-CN': '邮件服务器拒绝了 Herald 的凭证。请联系运维人员。',
  },
  'sender-not-authenticated': {
    'en-US': 'The sending domain lacks SPF, DKIM or DMARC. Tell the operator.',
    'zh-CN': '发件域名缺少 SPF、DKIM 或 DMARC。请联系运维人员。',
  },
};

export const adviceKeys: readonly string[] = Object.keys(advice);

export function adviceIn(locale: Locale, key: string | undefined): string | undefined {
  return key === undefined ? undefined : advice[key]?.[locale];
}
