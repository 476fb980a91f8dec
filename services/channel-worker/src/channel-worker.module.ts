import { type ChannelRuntime, openChannels } from '@herald/channels';
import { type DeliveryChannel, deliveryRequested, groups, lanes } from '@herald/contracts';
import { DeliveryWorker, OwnMailStore, retryDelays } from '@herald/delivery';
import {
  BUCKETS,
  BUS,
  type Buckets,
  type Bus,
  Config,
  type Consumption,
  DATABASE,
  type Database,
  DatabaseClock,
  DeadRecordStore,
  GIVE_UP,
  type GiveUp,
  type IncomingRecord,
  LOGGER,
  type Logger,
  Metrics,
  platformConfig,
  readRecords,
} from '@herald/platform';
import {
  DestinationCache,
  EventStore,
  RecipientStore,
  SettingsFeed,
  subscriptionsProviders,
  VerificationStore,
  WebhookHealth,
} from '@herald/subscriptions';
import { type BeforeApplicationShutdown, Inject, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { channelWorkerConfig } from './channel-worker.config.js';
import { type DeliveryRequest, parseDeliveryRequest } from './delivery-request.js';
import { KnownDestinations } from './known-destinations.js';
import { OwnMails } from './own-mails.js';
import { StoredContents } from './stored-contents.js';
import { ToldHealth } from './told-health.js';

const CHANNEL_RUNTIME = Symbol('ChannelRuntime');
/** Unfinished records of a lane at which its fetching pauses: a merely busy worker never parks (semantics 20). */
const UNFINISHED_AT_MOST = 512;
const END_WITHIN_MS = 17_000;

@Module({
  providers: [
    ...subscriptionsProviders,
    {
      provide: CHANNEL_RUNTIME,
      inject: [Config],
      // Signatures carry the wall clock: that is what receivers compare with.
      useFactory: (config: Config) => openChannels(config.get(platformConfig), () => new Date()),
    },
    {
      provide: OwnMails,
      inject: [DATABASE, VerificationStore, Config],
      useFactory: (database: Database, verifications: VerificationStore, config: Config) => {
        const settings = config.get(platformConfig);
        const mails = new OwnMailStore(database, retryDelays(settings)('email'));
        return new OwnMails(mails, verifications, settings.HERALD_PUBLIC_URL);
      },
    },
    {
      provide: KnownDestinations,
      inject: [DestinationCache, OwnMails],
      useFactory: (cache: DestinationCache, ownMails: OwnMails) => new KnownDestinations(cache, ownMails),
    },
    {
      provide: StoredContents,
      inject: [EventStore, OwnMails],
      useFactory: (events: EventStore, ownMails: OwnMails) => new StoredContents(events, ownMails),
    },
    {
      provide: ToldHealth,
      inject: [WebhookHealth, RecipientStore],
      useFactory: (webhooks: WebhookHealth, recipients: RecipientStore) => new ToldHealth(webhooks, recipients),
    },
    {
      provide: DeliveryWorker,
      inject: [
        CHANNEL_RUNTIME,
        DATABASE,
        BUCKETS,
        DatabaseClock,
        KnownDestinations,
        StoredContents,
        ToldHealth,
        Config,
        LOGGER,
        Metrics,
        DeadRecordStore,
      ],
      useFactory: (
        runtime: ChannelRuntime,
        database: Database,
        buckets: Buckets,
        clock: DatabaseClock,
        destinations: KnownDestinations,
        contents: StoredContents,
        health: ToldHealth,
        config: Config,
        logger: Logger,
        metrics: Metrics,
        deadRecords: DeadRecordStore,
      ) => {
        const settings = config.get(platformConfig);
        return new DeliveryWorker({
          channels: config.get(channelWorkerConfig).CHANNELS,
          runtime,
          database,
          buckets,
          clock,
          destinations,
          contents,
          health,
          delays: retryDelays(settings),
          publicUrl: settings.HERALD_PUBLIC_URL,
          condemn: (record, reason, detail) => deadRecords.keep(record as IncomingRecord, reason, detail),
          logger,
          metrics,
        });
      },
    },
  ],
})
export class ChannelWorkerModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private readonly consumptions: Consumption[] = [];

  constructor(
    private readonly feed: SettingsFeed,
    private readonly worker: DeliveryWorker,
    private readonly health: WebhookHealth,
    private readonly deadRecords: DeadRecordStore,
    private readonly config: Config,
    @Inject(CHANNEL_RUNTIME) private readonly runtime: ChannelRuntime,
    @Inject(BUS) private readonly bus: Bus,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(GIVE_UP) private readonly giveUp: GiveUp,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.feed.start();
    this.health.start();
    this.worker.start((isWaiting) => {
      for (const consumption of this.consumptions) consumption.setWaiting(isWaiting);
    });
    const { CHANNELS: channels } = this.config.get(channelWorkerConfig);
    for (const channel of channels) {
      if (!this.runtime.isAvailable(channel)) {
        this.logger.warn(
          { channel },
          'no mail server is set (HERALD_SMTP_URL): mails are suppressed with CHANNEL_UNAVAILABLE',
        );
      }
    }
    this.consumptions.push(...(await Promise.all(channels.map((channel) => this.consume(channel)))));
  }

  async beforeApplicationShutdown(): Promise<void> {
    await Promise.all([
      this.worker.stop(END_WITHIN_MS),
      ...this.consumptions.map((consumption) => consumption.drain(END_WITHIN_MS)),
    ]);
    await this.health.stop();
    this.feed.stop();
    await this.runtime.close();
  }

  private consume(channel: DeliveryChannel): Promise<Consumption> {
    return readRecords<DeliveryRequest>({
      bus: this.bus,
      group: groups.channel(channel),
      topics: lanes.map((lane) => deliveryRequested(channel, lane)),
      parse: parseDeliveryRequest,
      receive: (items) => this.worker.receive(items.map(({ record, value }) => ({ record, ...value }))),
      onRevoking: () => this.worker.revoking(channel),
      unfinishedAtMost: UNFINISHED_AT_MOST,
      deadRecords: this.deadRecords,
      logger: this.logger,
      onFatal: this.giveUp,
    });
  }
}
