import { BUCKETS, BUS, type Buckets, type Bus, CACHE, type Cache, DatabaseClock } from '@herald/platform';
import { AccountDirectory, EventStore, SettingsFeed, subscriptionsProviders } from '@herald/subscriptions';
import { type BeforeApplicationShutdown, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { EventIntake } from './event-intake.js';
import { EventProgressReader } from './event-progress-reader.js';
import { EventsController } from './events.controller.js';
import { RememberedEvents } from './remembered-events.js';

@Module({
  controllers: [EventsController],
  providers: [
    ...subscriptionsProviders,
    {
      provide: RememberedEvents,
      inject: [CACHE, EventStore],
      useFactory: (cache: Cache, events: EventStore) => new RememberedEvents(cache, events),
    },
    {
      provide: EventProgressReader,
      inject: [EventStore, RememberedEvents],
      useFactory: (events: EventStore, remembered: RememberedEvents) => new EventProgressReader(events, remembered),
    },
    {
      provide: EventIntake,
      inject: [BUS, BUCKETS, DatabaseClock, AccountDirectory, RememberedEvents],
      useFactory: (
        bus: Bus,
        buckets: Buckets,
        clock: DatabaseClock,
        accounts: AccountDirectory,
        remembered: RememberedEvents,
      ) => new EventIntake({ bus, buckets, clock, accounts, remembered }),
    },
  ],
})
export class IngestModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  constructor(
    private readonly feed: SettingsFeed,
    private readonly intake: EventIntake,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.feed.start();
  }

  beforeApplicationShutdown(): void {
    this.intake.drain();
    this.feed.stop();
  }
}
