/** What every process has, opened in an order and closed in the opposite one. Global: services inject its tokens. */

import { randomBytes } from 'node:crypto';
import { existsSync, linkSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { allTopics } from '@herald/contracts';
import type { DynamicModule, Provider } from '@nestjs/common';
import { BUS, type Bus } from './bus/bus.js';
import { DeadRecordStore } from './bus/dead-record.store.js';
import { EmbeddedBus } from './bus/embedded-bus.js';
import { KafkaBus, WrongPartitions } from './bus/kafka-bus.js';
import { DatabaseClock } from './clock/database-clock.js';
import { Config, ConfigError } from './config/config.js';
import { type PlatformConfig, platformConfig } from './config/platform.config.js';
import { makeDataDir } from './data-dir.js';
import { Health } from './health/health.js';
import { LOGGER, type Logger } from './log/logger.js';
import { Metrics } from './metrics/metrics.js';
import { DATABASE } from './postgres/database.js';
import { openEmbeddedDatabase } from './postgres/embedded-database.js';
import { isNotNow } from './postgres/faults.js';
import { migrate } from './postgres/migrate.js';
import { PgDatabase } from './postgres/pg-database.js';
import { InProcessBuckets, InProcessCache, InProcessSignals } from './redis/in-process.js';
import { BUCKETS, CACHE, SIGNALS } from './redis/ports.js';
import { connectRedis, RedisBuckets, RedisCache, RedisSignals } from './redis/redis.js';
import { KeyRing } from './secrets/key-ring.js';
import { dataDirFault } from './start-fault.js';

/** Called where the process can't go on: it drains and exits 1, its supervisor starts it again (semantics 31). */
export type GiveUp = (error: Error) => void;
export const GIVE_UP = Symbol('GiveUp');

export interface Platform {
  readonly providers: Provider[];
  readonly health: Health;
  readonly metrics: Metrics;
  close(): Promise<void>;
}

class PlatformModule {}

export function platformModule(platform: Platform): DynamicModule {
  const tokens = platform.providers.map((provider) => (provider as { provide: symbol }).provide);
  return { module: PlatformModule, global: true, providers: platform.providers, exports: tokens };
}

export async function openPlatform(service: string, config: Config, logger: Logger, giveUp: GiveUp): Promise<Platform> {
  const settings = config.get(platformConfig);
  const metrics = new Metrics({ withProcess: true });
  const health = new Health();
  const clock = new DatabaseClock();
  const keyRing = new KeyRing(settings.HERALD_SECRET_KEYS ?? generatedKeys(settings));
  const closers: (() => Promise<void> | void)[] = [];

  const database = settings.HERALD_DATABASE_URL
    ? new PgDatabase({
        url: settings.HERALD_DATABASE_URL,
        connections: settings.HERALD_DATABASE_POOL,
        isEmbedded: false,
        applicationName: `herald-${service}`,
        onError: (error) => logger.warn({ error }, 'a database connection was lost'),
      })
    : await openEmbeddedDatabase(settings.HERALD_DATA_DIR, `herald-${service}`);
  closers.push(() => database.close());
  const applied = await whenThere(logger, 'the database', () => migrate(database));
  if (applied.length > 0) logger.info({ applied }, 'migrations applied');
  await clock.start(database);
  closers.push(() => clock.stop());
  metrics.gauge('clock_skew_seconds', 'This machine’s clock minus the database’s', [], (gauge) =>
    gauge.set(clock.skewMs() / 1_000),
  );
  health.add('database', () => database.check());

  const bus: Bus =
    settings.HERALD_KAFKA_BROKERS.length > 0
      ? new KafkaBus(service, settings, logger, { metrics })
      : new EmbeddedBus(database, settings.HERALD_KAFKA_PARTITIONS, metrics);
  closers.push(() => bus.close());
  await whenThere(logger, 'the bus', () => bus.ensureTopics(allTopics));
  health.add('bus', () => bus.check());

  const redis = settings.HERALD_REDIS_URL
    ? connectRedis(settings.HERALD_REDIS_URL, (error) =>
        logger.debug({ error }, 'Redis does not answer; working in process'),
      )
    : null;
  const signals = redis ? new RedisSignals(redis) : new InProcessSignals();
  if (redis) {
    closers.push(() => {
      (signals as RedisSignals).close();
      redis.disconnect();
    });
  }

  return {
    health,
    metrics,
    providers: [
      { provide: Config, useValue: config },
      { provide: LOGGER, useValue: logger },
      { provide: Metrics, useValue: metrics },
      { provide: Health, useValue: health },
      { provide: DatabaseClock, useValue: clock },
      { provide: KeyRing, useValue: keyRing },
      { provide: DATABASE, useValue: database },
      { provide: BUS, useValue: bus },
      { provide: DeadRecordStore, useValue: new DeadRecordStore(database) },
      { provide: CACHE, useValue: redis ? new RedisCache(redis) : new InProcessCache() },
      { provide: BUCKETS, useValue: redis ? new RedisBuckets(redis) : new InProcessBuckets() },
      { provide: SIGNALS, useValue: signals },
      { provide: GIVE_UP, useValue: giveUp },
    ],
    async close() {
      for (const close of closers.reverse()) await close();
    },
  };
}

/** At start-up the servers may still be starting: wait, and say for what. Wrong settings are told at once. */
async function whenThere<T>(logger: Logger, what: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  for (let tries = 1; ; tries += 1) {
    try {
      return await work();
    } catch (error) {
      if (error instanceof WrongPartitions || !isNotNow(error) || performance.now() - started > 60_000) throw error;
      logger.warn({ error, tries }, `waiting for ${what}`);
      await new Promise((resolve) => setTimeout(resolve, Math.min(250 * tries, 2_000)));
    }
  }
}

function generatedKeys(settings: PlatformConfig): string {
  if (settings.HERALD_DATABASE_URL) {
    throw new ConfigError([
      'HERALD_SECRET_KEYS: required with HERALD_DATABASE_URL; expected id:base64 of 32 bytes, such as k1:$(openssl rand -base64 32)',
    ]);
  }
  return generatedSecret(settings.HERALD_DATA_DIR, 'secret-keys', () => `k1:${randomBytes(32).toString('base64')}`)
    .value;
}

/** A secret that is made once and kept in the data folder, readable by its owner alone. */
export function generatedSecret(dataDir: string, name: string, make: () => string): { value: string; isNew: boolean } {
  const path = join(dataDir, name);
  try {
    const isNew = !existsSync(path) && keep(dataDir, path, make());
    return { value: readFileSync(path, 'utf8').trim(), isNew };
  } catch (error) {
    throw dataDirFault(error, dataDir);
  }
}

/** Whole or not at all, and never over another one. Answers whether it is kept now. */
function keep(dataDir: string, path: string, value: string): boolean {
  makeDataDir(dataDir);
  const written = `${path}.${process.pid}`;
  writeFileSync(written, `${value}\n`, { mode: 0o600 });
  try {
    linkSync(written, path);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'EEXIST') return false;
    if (code !== 'EPERM' && code !== 'ENOTSUP' && code !== 'ENOSYS') throw error;
    // A file system without hard links.
    renameSync(written, path);
    return true;
  } finally {
    rmSync(written, { force: true });
  }
}
