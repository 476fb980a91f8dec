import { groups, lanes, type MessageRouted, messageRouted, messageRoutedSchema } from '@herald/contracts';
import { DeliveryStore } from '@herald/delivery';
import {
  BUS,
  type Bus,
  type Consumption,
  DATABASE,
  type Database,
  DeadRecordStore,
  GIVE_UP,
  type GiveUp,
  LOGGER,
  type Logger,
  readBatches,
} from '@herald/platform';
import { SettingsFeed, subscriptionsProviders } from '@herald/subscriptions';
import { type BeforeApplicationShutdown, Inject, Module, type OnApplicationBootstrap } from '@nestjs/common';
import { MessageStore } from './message.store.js';
import { MessagesController } from './messages.controller.js';

/** Nobody waits for a message to the millisecond, and storing many at once locks and counts each account once. */
const GATHER_MS = 25;
const FOLD_EVERY_MS = 5_000;

@Module({
  controllers: [MessagesController],
  providers: [
    ...subscriptionsProviders,
    { provide: MessageStore, inject: [DATABASE], useFactory: (database: Database) => new MessageStore(database) },
    { provide: DeliveryStore, inject: [DATABASE], useFactory: (database: Database) => new DeliveryStore(database) },
  ],
})
export class InboxModule implements OnApplicationBootstrap, BeforeApplicationShutdown {
  private consumption: Consumption | undefined;
  private folding: NodeJS.Timeout | undefined;
  private isEnding = false;

  constructor(
    private readonly feed: SettingsFeed,
    private readonly messages: MessageStore,
    private readonly deadRecords: DeadRecordStore,
    @Inject(BUS) private readonly bus: Bus,
    @Inject(LOGGER) private readonly logger: Logger,
    @Inject(GIVE_UP) private readonly giveUp: GiveUp,
  ) {}

  async onApplicationBootstrap(): Promise<void> {
    await this.feed.start();
    this.foldLater();
    this.consumption = await readBatches<MessageRouted>({
      bus: this.bus,
      group: groups.inbox,
      topics: lanes.map(messageRouted),
      parse: (value) => messageRoutedSchema.parse(JSON.parse(value)),
      handle: (batch) => this.messages.store(batch.map(({ value }) => value)),
      gatherMs: GATHER_MS,
      deadRecords: this.deadRecords,
      logger: this.logger,
      onFatal: this.giveUp,
    });
  }

  async beforeApplicationShutdown(): Promise<void> {
    this.isEnding = true;
    clearTimeout(this.folding);
    await this.consumption?.drain(15_000);
    this.feed.stop();
  }
  /** One after the other, however long one takes. */
  private foldLater(): void {
    this.folding = setTimeout(async () => {
      await this.messages
        .foldUnread()
        .catch((error) => this.logger.warn({ error }, 'unread counts were not folded; they stay exact'));
      if (!this.isEnding) this.foldLater();
    }, FOLD_EVERY_MS);
  }
}
