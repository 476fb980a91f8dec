import { type EventAccepted, eventAccepted, groups, lanes } from '@herald/contracts';
import {
  BUS,
  type Bus,
  type Consumption,
  DatabaseClock,
  DeadRecordStore,
  GIVE_UP,
  type GiveUp,
  LOGGER,
  type Logger,
  readBatches,
} from '@herald/platform';
import {
  AudiencePageStore,
  EventStore,
  SettingsFeed,
  SettingsSnapshot,
  subscriptionsProviders,
} from '@herald/subscriptions';
import { type BeforeApplicationShutdown, Inject, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { AudiencePager } from './audience-pager.js';
import { EventRouter, parseEventAccepted } from './event-router.js';

@Module({
  providers: [
    ...subscriptionsProviders,
    {
      provide: EventRouter,
      inject: [BUS, DatabaseClock, EventStore, SettingsSnapshot, DeadRecordStore, LOGGER],
      useFactory: (
        bus: Bus,
        clock: DatabaseClock,
        events: EventStore,
        snapshot: SettingsSnapshot,
        deadRecords: DeadRecordStore,
        logger: Logger,
      ) => new EventRouter({ bus, clock, events, snapshot, deadRecords, logger }),
    },
    {
      provide: AudiencePager,
      inject: [BUS, DatabaseClock, EventStore, AudiencePageStore, SettingsSnapshot, LOGGER],
      useFactory: (
        bus: Bus,
        clock: DatabaseClock,
        events: EventStore,
        pages: AudiencePageStore,
        snapshot: SettingsSnapshot,
        logger: Logger,
      ) => new AudiencePager({ bus, clock, events, pages, snapshot, logger }),
    },
  ],
})
export class RouterModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private consumption: Consumption | undefined;

  constructor(
    private readonly feed: SettingsFeed,
    private readonly router: EventRouter,
    private readonly pager: AudiencePager,
    private readonly deadRecords: DeadRecordStore,
    @Inject(BUS) private readonly bus: Bus,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(GIVE_UP) private readonly giveUp: GiveUp,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.feed.start();
    this.consumption = await readBatches<EventAccepted>({
      bus: this.bus,
      group: groups.router,
      topics: lanes.map(eventAccepted),
      parse: parseEventAccepted,
      handle: (batch) => this.router.route(batch),
      deadRecords: this.deadRecords,
      logger: this.logger,
      onFatal: this.giveUp,
    });
    this.pager.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all([this.consumption?.drain(15_000), this.pager.stop()]);
    this.feed.stop();
  }
}
