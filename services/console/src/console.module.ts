import type { ChannelRuntime } from '@herald/channels';
import {
  ATTEMPT_LIMIT_MS,
  DeliveryChangeStore,
  DeliveryStore,
  LedgerStore,
  OwnMailStore,
  retryDelays,
} from '@herald/delivery';
import {
  BUCKETS,
  type Buckets,
  CACHE,
  type Cache,
  Config,
  DATABASE,
  type Database,
  DatabaseClock,
  platformConfig,
} from '@herald/platform';
import { SettingsFeed, subscriptionsProviders } from '@herald/subscriptions';
import { type BeforeApplicationShutdown, Inject, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { AccountController } from './account.controller.js';
import { CatalogueController } from './catalogue.controller.js';
import { CHANNEL_RUNTIME, channelRuntimeProvider } from './channel-runtime.provider.js';
import { DestinationStore } from './destination.store.js';
import { OpsAccountsController } from './ops-accounts.controller.js';
import { OpsDeliveriesController } from './ops-deliveries.controller.js';
import { OpsDestinationsController } from './ops-destinations.controller.js';
import { OpsLedgerController } from './ops-ledger.controller.js';
import { OpsProducersController } from './ops-producers.controller.js';
import { PagesController } from './pages.controller.js';
import { RecipientsController } from './recipients.controller.js';
import { SessionController } from './session.controller.js';
import { SignInThrottle } from './sign-in-throttle.js';
import { SubscriptionsController } from './subscriptions.controller.js';
import { WebhookTester } from './webhook-tester.js';
import { WebhooksController } from './webhooks.controller.js';

@Module({
  controllers: [
    SessionController,
    AccountController,
    CatalogueController,
    RecipientsController,
    WebhooksController,
    SubscriptionsController,
    OpsAccountsController,
    OpsProducersController,
    OpsDeliveriesController,
    OpsDestinationsController,
    OpsLedgerController,
    PagesController,
  ],
  providers: [
    ...subscriptionsProviders,
    channelRuntimeProvider,
    { provide: DeliveryStore, inject: [DATABASE], useFactory: (database: Database) => new DeliveryStore(database) },
    { provide: LedgerStore, inject: [DATABASE], useFactory: (database: Database) => new LedgerStore(database) },
    {
      provide: DeliveryChangeStore,
      inject: [DATABASE, Config],
      useFactory: (database: Database, config: Config) =>
        new DeliveryChangeStore(database, retryDelays(config.get(platformConfig))),
    },
    {
      provide: OwnMailStore,
      inject: [DATABASE, Config],
      useFactory: (database: Database, config: Config) =>
        new OwnMailStore(database, retryDelays(config.get(platformConfig))('email')),
    },
    {
      provide: DestinationStore,
      inject: [DATABASE, SettingsFeed],
      useFactory: (database: Database, feed: SettingsFeed) => new DestinationStore(database, feed),
    },
    {
      provide: SignInThrottle,
      inject: [CACHE, DatabaseClock],
      useFactory: (cache: Cache, clock: DatabaseClock) => new SignInThrottle(cache, () => clock.nowMs()),
    },
    {
      provide: WebhookTester,
      inject: [CHANNEL_RUNTIME, BUCKETS, Config, DatabaseClock],
      useFactory: (channels: ChannelRuntime, buckets: Buckets, config: Config, clock: DatabaseClock) =>
        new WebhookTester({
          channels,
          buckets,
          publicUrl: config.get(platformConfig).HERALD_PUBLIC_URL,
          attemptLimitMs: ATTEMPT_LIMIT_MS,
          now: () => clock.now(),
        }),
    },
  ],
})
export class ConsoleModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(
    private readonly feed: SettingsFeed,
    @Inject(CHANNEL_RUNTIME) private readonly channels: ChannelRuntime,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.feed.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.feed.stop();
    await this.channels.close();
  }
}
