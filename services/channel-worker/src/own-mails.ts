/** What Herald's own mails say, made when they are sent: tokens stand encrypted in their row, and in the mail. */
import { type Content, contentSchema, type Locale } from '@herald/contracts';
import type { DestinationOf, OwnMailStore, UsableDestination } from '@herald/delivery';
import type { VerificationMail, VerificationStore } from '@herald/subscriptions';

export class OwnMails {
  constructor(
    private readonly mails: OwnMailStore,
    private readonly verifications: VerificationStore,
    private readonly publicUrl: string,
  ) {}

  /** Null where the mail has lost its sense. */
  async destination(delivery: DestinationOf): Promise<UsableDestination | null> {
    const mail = await this.find(delivery);
    return (
      mail && { state: 'usable', config: { name: mail.name, address: mail.email }, locale: mail.locale, revision: 1 }
    );
  }

  async content(delivery: DestinationOf): Promise<Content | null> {
    const mail = await this.find(delivery);
    return mail && verificationContent(mail, this.publicUrl);
  }

  private async find({ deliveryId }: DestinationOf): Promise<VerificationMail | null> {
    const mail = (await this.mails.find([deliveryId])).get(deliveryId);
    return mail ? this.verifications.mail(mail.reference) : null;
  }
}

const words: Record<Locale, { title: string; body: (code: string) => string; link: string }> = {
  'en-US': {
    title: 'Verify your e-mail address',
    body: (code) =>
      `Somebody entered this address to receive messages of their cloud account.\n\nYour code is **${code}**. It is good for 30 minutes, the link for 48 hours.\n\nIf this wasn’t you, do nothing: nothing is sent to you without it.`,
    link: 'Verify this address',
  },
  'zh-CN': {
    title: '验证您的邮箱地址',
    body: (code) =>
      `有人填写了此邮箱以接收其云账号的消息。\n\n验证码：**${code}**。验证码 30 分钟内有效，链接 48 小时内有效。\n\n如非本人操作，请忽略本邮件：未经验证不会向您发送消息。`,
    link: '验证此邮箱',
  },
};

function verificationContent({ code, token, locale }: VerificationMail, publicUrl: string): Content {
  const { title, body, link } = words[locale];
  const href = `${publicUrl}/verify#token=${token}`;
  return contentSchema.parse({ locale, title, body: body(code), links: [{ label: link, href }] });
}
