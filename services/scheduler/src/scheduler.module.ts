import { BUS, type Bus, DATABASE, type Database, DatabaseClock, LOGGER, type Logger, Metrics } from '@herald/platform';
import {
  EventStore,
  SettingsFeed,
  subscriptionsProviders,
  VerificationStore,
  WebhookHealthStore,
} from '@herald/subscriptions';
import { type BeforeApplicationShutdown, Inject, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { aHolder, allDuties, type DutyParts } from './duties.js';
import { DutyLoop } from './duty.js';
import { checkHorizon, keeping } from './horizon.js';
import { LeaseStore } from './lease.store.js';

const PARTS = Symbol('DutyParts');

@Module({
  providers: [
    ...subscriptionsProviders,
    {
      provide: PARTS,
      inject: [DATABASE, BUS, DatabaseClock, Metrics, LOGGER, EventStore, VerificationStore, WebhookHealthStore],
      useFactory: (
        database: Database,
        bus: Bus,
        clock: DatabaseClock,
        metrics: Metrics,
        logger: Logger,
        events: EventStore,
        verifications: VerificationStore,
        webhooks: WebhookHealthStore,
      ): DutyParts => ({ database, bus, clock, metrics, logger, events, verifications, webhooks }),
    },
  ],
})
export class SchedulerModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private loops: readonly DutyLoop[] = [];
  private leases: LeaseStore | undefined;

  constructor(
    private readonly feed: SettingsFeed,
    @Inject(PARTS) private readonly parts: DutyParts,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    checkHorizon(keeping);
    await this.feed.start();
    const leases = new LeaseStore(this.parts.database, aHolder());
    this.leases = leases;
    this.loops = allDuties(this.parts).map((duty) => new DutyLoop(duty, leases, this.parts.logger));
    for (const loop of this.loops) loop.start();
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all(this.loops.map((loop) => loop.stop()));
    await this.leases?.releaseAll().catch(() => {});
    this.feed.stop();
  }
}
