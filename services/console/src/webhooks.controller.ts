/** An account's robots and custom URLs. */
import type { ChannelRuntime } from '@herald/channels';
import {
  createWebhook,
  deleteWebhook,
  getWebhook,
  type InputOf,
  type Locale,
  listWebhooks,
  rotateWebhookSecret,
  testWebhook,
  updateWebhook,
} from '@herald/contracts';
import {
  CallerOf,
  DatabaseClock,
  type FieldError,
  Handles,
  Input,
  notFound,
  type PersonCaller,
  Problem,
  pageFrom,
} from '@herald/platform';
import { AccountStore, WebhookStore } from '@herald/subscriptions';
import { Controller, Headers, Inject } from '@nestjs/common';
import { authorOf } from './author.js';
import { CHANNEL_RUNTIME } from './channel-runtime.provider.js';
import { refusedInUse } from './in-use.js';
import { placeCursor } from './list-cursor.js';
import { preferredLocale } from './preferred-locale.js';
import { changedConfig, makeSigningSecret, newConfig, rotatedConfig } from './webhook-config.js';
import { WebhookTester } from './webhook-tester.js';

const invalid = (errors: readonly FieldError[]) => new Problem(422, 'What was sent is not valid.', { errors });

@Controller()
export class WebhooksController {
  constructor(
    private readonly webhooks: WebhookStore,
    private readonly accounts: AccountStore,
    private readonly tester: WebhookTester,
    private readonly clock: DatabaseClock,
    @Inject(CHANNEL_RUNTIME) private readonly channels: ChannelRuntime,
  ) {}

  @Handles(listWebhooks)
  async list(@Input() { query }: InputOf<typeof listWebhooks>, @CallerOf() caller: PersonCaller) {
    const rows = await this.webhooks.list(caller.accountId!, query.limit, placeCursor(query.cursor));
    return pageFrom(rows, query.limit, ({ createdAt, id }) => [createdAt, id]);
  }

  @Handles(createWebhook)
  async create(@Input() { body }: InputOf<typeof createWebhook>, @CallerOf() caller: PersonCaller) {
    const { name, platform, ...entered } = body;
    const { config, errors } = newConfig(platform, this.channels.registry[platform].config, entered);
    if (errors) throw invalid(errors);
    const created = await this.webhooks.create(caller.accountId!, { name, platform, config }, authorOf(caller));
    if (created === 'too many') throw new Problem(422, 'The account holds as many webhooks as it may.');
    return platform === 'webhook' ? { ...created, secret: (config.secrets as string[])[0] } : created;
  }

  @Handles(getWebhook)
  async one(@Input() { params }: InputOf<typeof getWebhook>, @CallerOf() caller: PersonCaller) {
    const webhook = await this.webhooks.find(caller.accountId!, params.id);
    if (!webhook) throw notFound();
    return webhook;
  }

  @Handles(updateWebhook)
  async update(@Input() { params, body }: InputOf<typeof updateWebhook>, @CallerOf() caller: PersonCaller) {
    const updated = await this.webhooks.update(
      caller.accountId!,
      params.id,
      ({ webhook: { platform }, config: current }) => {
        const changed = changedConfig(platform, this.channels.registry[platform].config, current, body);
        if (changed?.errors) throw invalid(changed.errors);
        return { name: body.name, status: body.status, config: changed?.config };
      },
      authorOf(caller),
    );
    if (!updated) throw notFound();
    return updated;
  }

  @Handles(deleteWebhook)
  async remove(@Input() { params, query }: InputOf<typeof deleteWebhook>, @CallerOf() caller: PersonCaller) {
    const isForced = query.force === 'true';
    const result = await this.webhooks.remove(caller.accountId!, params.id, isForced, authorOf(caller));
    if (!result) throw notFound();
    if (!result.removed) throw refusedInUse('webhook', result.usedIn);
  }

  @Handles(testWebhook)
  async test(
    @Input() { params }: InputOf<typeof testWebhook>,
    @CallerOf() caller: PersonCaller,
    @Headers('accept-language') accepts: string | undefined,
  ) {
    const accountId = caller.accountId!;
    const found = await this.webhooks.findWithConfig(accountId, params.id);
    if (!found) throw notFound();
    const chosen = caller.locale ?? preferredLocale(accepts);
    const locale = chosen ?? ((await this.accounts.find(accountId))?.locale as Locale | undefined) ?? 'zh-CN';
    return this.tester.test(accountId, found.webhook, found.config, locale);
  }

  @Handles(rotateWebhookSecret)
  async rotate(@Input() { params }: InputOf<typeof rotateWebhookSecret>, @CallerOf() caller: PersonCaller) {
    const secret = makeSigningSecret();
    const updated = await this.webhooks.update(
      caller.accountId!,
      params.id,
      ({ webhook, config }) => {
        if (webhook.platform !== 'webhook') {
          throw new Problem(
            422,
            'Only custom webhooks have a secret of Herald’s. Enter the robot’s own at the webhook.',
          );
        }
        return { config: rotatedConfig(config, secret, this.clock.now()) };
      },
      authorOf(caller),
    );
    if (!updated) throw notFound();
    return { secret };
  }
}
