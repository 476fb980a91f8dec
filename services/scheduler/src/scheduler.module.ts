import { LedgerStore } from '@herald/delivery';
import { DATABASE, type Database } from '@herald/platform';
import { SettingsFeed, subscriptionsProviders } from '@herald/subscriptions';
import { type BeforeApplicationShutdown, Module, type OnApplicationBootstrap } from '@nestjs/common';

@Module({
  providers: [
    ...subscriptionsProviders,
    { provide: LedgerStore, inject: [DATABASE], useFactory: (database: Database) => new LedgerStore(database) },
  ],
})
export class SchedulerModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(private readonly feed: SettingsFeed) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.feed.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.feed.stop();
  }
}
