/** Before any consumer starts: deliveries of an earlier run find their robots in the sandbox. */
import { Config, platformConfig } from '@herald/platform';
import { SandboxModule, SandboxServer } from '@herald/sandbox';
import {
  AccountStore,
  ProducerStore,
  RecipientStore,
  SubscriptionStore,
  subscriptionsProviders,
  WebhookStore,
} from '@herald/subscriptions';
import { Module, type OnModuleInit } from '@nestjs/common';
import { Demo } from './demo.js';

@Module({
  imports: [SandboxModule],
  providers: [
    ...subscriptionsProviders,
    {
      provide: Demo,
      inject: [AccountStore, RecipientStore, WebhookStore, SubscriptionStore, ProducerStore, Config, SandboxServer],
      useFactory: (
        accounts: AccountStore,
        recipients: RecipientStore,
        webhooks: WebhookStore,
        subscriptions: SubscriptionStore,
        producers: ProducerStore,
        config: Config,
        sandbox: SandboxServer,
      ) => {
        const settings = config.get(platformConfig);
        const stores = { accounts, recipients, webhooks, subscriptions, producers };
        return new Demo(stores, settings, settings.HERALD_SANDBOX ? sandbox : null);
      },
    },
  ],
  exports: [Demo],
})
export class DemoModule implements OnModuleInit {
  constructor(private readonly demo: Demo) {}

  async onModuleInit(): Promise<void> {
    await this.demo.prepare();
  }
}
