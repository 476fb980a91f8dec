/** Sends a real message to a webhook now, once, and says what its provider answered. */
import { randomUUID } from 'node:crypto';
import { adviceIn, type ChannelRuntime, type OutboundMessage, ProviderError } from '@herald/channels';
import type { AccountId, DeliveryId, EventId, Locale, MessageId, Webhook } from '@herald/contracts';
import type { Buckets } from '@herald/platform';
import type { WebhookConfig } from '@herald/subscriptions';

const TESTS_PER_MINUTE = 10;

export interface TestResult {
  readonly delivered: boolean;
  readonly providerCode?: string;
  readonly providerMessage?: string;
  readonly durationMs: number;
  readonly advice?: string;
}

export interface TesterParts {
  readonly channels: ChannelRuntime;
  readonly buckets: Buckets;
  readonly publicUrl: string;
  /** Of the whole attempt, whatever the channel does (semantics 17). */
  readonly attemptLimitMs: number;
  /** Database time. */
  readonly now: () => Date;
}

const words = {
  'en-US': {
    title: 'Test message',
    body: 'Herald can reach **{name}**. Messages that you subscribe to arrive here.',
    category: 'Test',
    throttled: (seconds: number) => `Not sent: the limit of this destination is used up. Try again in ${seconds} s.`,
  },
  'zh-CN': {
    title: '测试消息',
    body: 'Herald 可以向 **{name}** 发送消息。您订阅的消息将发送到这里。',
    category: '测试',
    throttled: (seconds: number) => `未发送：该接收端的频率限制已用完，请在 ${seconds} 秒后重试。`,
  },
} satisfies Record<Locale, unknown>;

export class WebhookTester {
  constructor(private readonly parts: TesterParts) {}

  async test(accountId: AccountId, webhook: Webhook, config: WebhookConfig, locale: Locale): Promise<TestResult> {
    const { channels, buckets } = this.parts;
    const channel = channels.registry[webhook.platform];
    const ofTests = { key: `webhook-test:${webhook.id}`, capacity: TESTS_PER_MINUTE, perMs: 60_000 };
    const limits = channel.limits(config);
    const waitMs = await buckets.take([...limits, ofTests]);
    if (waitMs > 0) {
      const providerMessage = words[locale].throttled(Math.ceil(waitMs / 1_000));
      return { delivered: false, providerCode: 'THROTTLED', providerMessage, durationMs: 0 };
    }
    const message = this.message(accountId, webhook, locale);
    const started = performance.now();
    const durationMs = () => Math.round(performance.now() - started);
    try {
      const { payload } = channel.render(message, config);
      const receipt = await withinLimit(this.parts.attemptLimitMs, (signal) =>
        channel.send(payload, config, channels.io(webhook.platform, signal), message),
      );
      const { providerCode, providerMessage } = receipt;
      return { delivered: true, providerCode, providerMessage, durationMs: durationMs() };
    } catch (error) {
      if (!(error instanceof ProviderError)) throw error;
      const { kind, providerCode, providerMessage, advice, retryAfterSeconds } = error.failure;
      // It asked for silence: that holds for what is delivered to it as well.
      if (kind === 'throttled' && retryAfterSeconds !== undefined) {
        if (limits[0]) await buckets.pause(limits[0].key, retryAfterSeconds * 1_000);
      }
      const inWords = adviceIn(locale, advice);
      return {
        delivered: false,
        providerCode,
        providerMessage,
        durationMs: durationMs(),
        ...(inWords ? { advice: inWords } : {}),
      };
    }
  }

  private message(accountId: AccountId, webhook: Webhook, locale: Locale): OutboundMessage {
    const id = randomUUID();
    const { title, body, category } = words[locale];
    return {
      deliveryId: id as DeliveryId,
      messageId: id as unknown as MessageId,
      eventId: id as unknown as EventId,
      accountId,
      category: 'herald',
      subtype: 'herald_test',
      categoryName: 'Herald',
      subtypeName: category,
      severity: 'info',
      locale,
      content: {
        locale,
        title,
        body: body.replace('{name}', webhook.name.replace(/[\\`*_[\]<>&~#!|]/g, '\\$&')),
        translations: {},
        links: [],
        product: null,
        region: null,
        resourceIds: [],
        labels: {},
        dedupKey: null,
      },
      occurredAt: this.parts.now(),
      occurrences: 1,
      test: true,
      messageUrl: `${this.parts.publicUrl}/`,
    };
  }
}

function withinLimit<Result>(limitMs: number, work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
  const signal = AbortSignal.timeout(limitMs);
  const late = new Promise<never>((_, reject) => {
    signal.addEventListener(
      'abort',
      () =>
        reject(
          new ProviderError({
            kind: 'timeout',
            ambiguous: true,
            providerCode: 'TIMEOUT',
            providerMessage: '',
            status: null,
          }),
        ),
      { once: true },
    );
  });
  return Promise.race([work(signal), late]);
}
