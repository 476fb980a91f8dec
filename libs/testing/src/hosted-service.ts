/** One service's module over HTTP in this process, on parts of the test's choosing. */
import 'reflect-metadata';
import {
  BUCKETS,
  BUS,
  type Buckets,
  type Bus,
  CACHE,
  type Cache,
  Config,
  DATABASE,
  type Database,
  DatabaseClock,
  DeadRecordStore,
  GIVE_UP,
  Health,
  InProcessBuckets,
  InProcessCache,
  InProcessSignals,
  KeyRing,
  LOGGER,
  Metrics,
  platformConfig,
  SIGNALS,
  type Signals,
  serve,
} from '@herald/platform';
import { keyRing, silent } from './database-ground.js';

export interface HostedParts {
  readonly database: Database;
  readonly bus: Bus;
  readonly cache?: Cache;
  readonly buckets?: Buckets;
  readonly signals?: Signals;
  readonly environment?: NodeJS.ProcessEnv;
}

export interface HostedService {
  readonly url: string;
  /** An instance of the module, by its class. */
  get<Instance>(type: abstract new (...parts: never[]) => Instance): Instance;
  close(): Promise<void>;
}

export async function hostService(
  module: new (...parts: never[]) => unknown,
  parts: HostedParts,
): Promise<HostedService> {
  const { database, bus } = parts;
  const clock = new DatabaseClock();
  await clock.start(database);
  const health = new Health();
  const metrics = new Metrics({ withProcess: false });
  const give = (provide: unknown, useValue: unknown) => ({ provide, useValue }) as never;
  const platform = {
    health,
    metrics,
    providers: [
      give(Config, Config.read([platformConfig], parts.environment ?? {})),
      give(LOGGER, silent),
      give(Metrics, metrics),
      give(Health, health),
      give(DatabaseClock, clock),
      give(KeyRing, keyRing),
      give(DATABASE, database),
      give(BUS, bus),
      give(DeadRecordStore, new DeadRecordStore(database)),
      give(CACHE, parts.cache ?? new InProcessCache()),
      give(BUCKETS, parts.buckets ?? new InProcessBuckets()),
      give(SIGNALS, parts.signals ?? new InProcessSignals()),
      give(GIVE_UP, (error: Error) => {
        throw error;
      }),
    ],
    close: async () => clock.stop(),
  };
  const { app, url } = await serve(module as never, platform, silent, { port: 0, host: '127.0.0.1' });
  return {
    url,
    get: (type) => app.get(type as never, { strict: false }),
    async close() {
      await app.close();
      clock.stop();
    },
  };
}
