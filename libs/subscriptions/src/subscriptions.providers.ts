/** The stores and caches as a service module provides them. Each service has its own; the feed is shared per process. */

import {
  AUTHENTICATOR,
  Config,
  DATABASE,
  type Database,
  DatabaseClock,
  KeyRing,
  LOGGER,
  type Logger,
  platformConfig,
  SIGNALS,
  type Signals,
} from '@herald/platform';
import type { Provider } from '@nestjs/common';
import { AccessAuthenticator } from './access/access.authenticator.js';
import { PersonStore } from './access/person.store.js';
import { SessionStore } from './access/session.store.js';
import { AccountStore } from './account.store.js';
import { AccountDirectory } from './account-directory.js';
import { AudiencePageStore } from './audience-page.store.js';
import { DestinationCache } from './destination-cache.js';
import { EventStore } from './event.store.js';
import { HistoryStore } from './history.store.js';
import { ProducerKeys, ProducerStore } from './producer.store.js';
import { RecipientStore } from './recipient.store.js';
import { SettingsFeed } from './settings-feed.js';
import { SettingsSnapshot } from './snapshot.js';
import { SubscriptionStore } from './subscription.store.js';
import { VerificationStore } from './verification.store.js';
import { WebhookStore } from './webhook.store.js';
import { WebhookHealth } from './webhook-health.js';
import { WebhookHealthStore } from './webhook-health.store.js';

const feeds = new WeakMap<Database, SettingsFeed>();

function feedOf(database: Database, signals: Signals, logger: Logger): SettingsFeed {
  let feed = feeds.get(database);
  if (!feed) {
    feed = new SettingsFeed(database, signals, logger);
    feeds.set(database, feed);
  }
  return feed;
}

const onDatabase = (store: new (database: Database) => unknown): Provider => ({
  provide: store,
  inject: [DATABASE],
  useFactory: (database: Database) => new store(database),
});

const onFeed = (store: new (database: Database, feed: SettingsFeed) => unknown): Provider => ({
  provide: store,
  inject: [DATABASE, SettingsFeed],
  useFactory: (database: Database, feed: SettingsFeed) => new store(database, feed),
});

export const subscriptionsProviders: Provider[] = [
  { provide: SettingsFeed, inject: [DATABASE, SIGNALS, LOGGER], useFactory: feedOf },
  onDatabase(AudiencePageStore),
  onDatabase(EventStore),
  onDatabase(HistoryStore),
  onDatabase(PersonStore),
  onDatabase(SessionStore),
  onFeed(AccountStore),
  onFeed(ProducerStore),
  onFeed(ProducerKeys),
  onFeed(RecipientStore),
  onFeed(SubscriptionStore),
  onFeed(WebhookHealthStore),
  {
    provide: AccountDirectory,
    inject: [DATABASE, Config],
    useFactory: (database: Database, config: Config) => new AccountDirectory(database, cachedAccounts(config)),
  },
  {
    provide: SettingsSnapshot,
    inject: [DATABASE, SettingsFeed, Config],
    useFactory: (database: Database, feed: SettingsFeed, config: Config) =>
      new SettingsSnapshot(database, feed, cachedAccounts(config)),
  },
  {
    provide: WebhookStore,
    inject: [DATABASE, KeyRing, SettingsFeed],
    useFactory: (database: Database, keyRing: KeyRing, feed: SettingsFeed) => new WebhookStore(database, keyRing, feed),
  },
  {
    provide: VerificationStore,
    inject: [DATABASE, KeyRing, RecipientStore],
    useFactory: (database: Database, keyRing: KeyRing, recipients: RecipientStore) =>
      new VerificationStore(database, keyRing, recipients),
  },
  {
    provide: DestinationCache,
    inject: [DATABASE, KeyRing, SettingsFeed, LOGGER],
    useFactory: (database: Database, keyRing: KeyRing, feed: SettingsFeed, logger: Logger) =>
      new DestinationCache({ database, keyRing, feed, logger }),
  },
  {
    provide: WebhookHealth,
    inject: [WebhookHealthStore, DatabaseClock, LOGGER],
    useFactory: (store: WebhookHealthStore, clock: DatabaseClock, logger: Logger) =>
      new WebhookHealth({ store, now: () => clock.now(), nowMs: () => performance.now(), logger }),
  },
  {
    provide: AUTHENTICATOR,
    inject: [ProducerKeys, SessionStore, AccountDirectory, DatabaseClock, Config],
    useFactory: (
      keys: ProducerKeys,
      sessions: SessionStore,
      accounts: AccountDirectory,
      clock: DatabaseClock,
      config: Config,
    ) => {
      const bootstrapToken = config.get(platformConfig).HERALD_BOOTSTRAP_OPERATOR_TOKEN;
      return new AccessAuthenticator({ keys, sessions, accounts, clock, bootstrapToken });
    },
  },
];

function cachedAccounts(config: Config): number {
  return config.get(platformConfig).HERALD_CACHED_ACCOUNTS;
}
