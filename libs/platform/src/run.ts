/** How a process runs: configuration, platform, the service's module, HTTP; and how it ends. */
import 'reflect-metadata';
import { Module, type Type } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import type { NestFastifyApplication } from '@nestjs/platform-fastify';
import { Config, type ConfigSection } from './config/config.js';
import { platformConfig } from './config/platform.config.js';
import { makeAdapter, ProblemFilter, prepareServer } from './http/server.js';
import { createLogger, describeError, type Logger } from './log/logger.js';
import { openPlatform, type Platform, platformModule } from './platform.module.js';
import { inWords, listenFault } from './start-fault.js';

export interface Service {
  readonly name: string;
  readonly module: Type;
  readonly defaultPort: number;
  readonly sections?: readonly ConfigSection[];
}

export interface RunningService {
  readonly url: string;
  readonly app: NestFastifyApplication;
  readonly logger: Logger;
  /** Drains, then closes everything. */
  close(): Promise<void>;
}

const EXIT_WITHIN_MS = 25_000;

/** Starts a service in this process and answers when it listens. Never exits the process. */
export async function start(
  service: Service,
  environment: NodeJS.ProcessEnv,
  giveUp?: (error: Error) => void,
): Promise<RunningService> {
  const config = Config.read([platformConfig, ...(service.sections ?? [])], environment);
  const settings = config.get(platformConfig);
  const logger = createLogger(service.name, settings);
  const platform = await openPlatform(
    service.name,
    config,
    logger,
    giveUp ?? ((error) => logger.fatal({ error }, 'can’t go on')),
  );

  const { app, url } = await serve(service.module, platform, logger, {
    port: settings.HERALD_PORT ?? service.defaultPort,
    host: settings.HERALD_HOST,
  });
  logger.info({ address: url }, 'listening');
  let closing: Promise<void> | undefined;
  return {
    url,
    app,
    logger,
    close() {
      closing ??= (async () => {
        platform.health.setDraining();
        await app.close();
        await platform.close();
      })();
      return closing;
    },
  };
}

/** A service's module over HTTP, on parts that are open already. */
export async function serve(
  module: Type,
  platform: Platform,
  logger: Logger,
  address: { readonly port: number; readonly host: string },
): Promise<{ readonly app: NestFastifyApplication; readonly url: string }> {
  @Module({ imports: [platformModule(platform), module] })
  class Root {}

  const app = await NestFactory.create<NestFastifyApplication>(Root, makeAdapter(), {
    bodyParser: false,
    logger: ['error', 'fatal'],
    abortOnError: false,
  });
  prepareServer(app.getHttpAdapter().getInstance() as never, platform);
  app.useGlobalFilters(new ProblemFilter(logger));
  await app.listen(address.port, address.host).catch((error: unknown) => {
    throw listenFault(error, 'HERALD_PORT');
  });
  return { app, url: (await app.getUrl()).replace('[::1]', 'localhost') };
}

export interface RunOptions {
  /** Asked once, before anything else; the process's own where it isn't given. */
  readonly environment?: () => NodeJS.ProcessEnv;
  readonly onListening?: (running: RunningService) => void;
}

/** A process's main: runs until it is told to end, and exits with what happened. */
export async function run(service: Service, options: RunOptions = {}): Promise<void> {
  let running: RunningService | undefined;
  let isEnding = false;
  const end = (code: number, error?: unknown) => {
    if (error)
      console.error(
        JSON.stringify({ level: 'fatal', service: service.name, msg: 'ending', error: describeError(error) }),
      );
    if (isEnding) return;
    isEnding = true;
    setTimeout(() => process.exit(code || 1), EXIT_WITHIN_MS).unref();
    void (running?.close() ?? Promise.resolve()).then(
      () => process.exit(code),
      () => process.exit(1),
    );
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => end(0));
  process.on('uncaughtException', (error) => end(1, error));
  process.on('unhandledRejection', (error) => end(1, error));
  try {
    running = await start(service, options.environment?.() ?? process.env, (error) => end(1, error));
    options.onListening?.(running);
  } catch (error) {
    const words = inWords(error);
    if (words !== null) console.error(words);
    else
      console.error(
        JSON.stringify({ level: 'fatal', service: service.name, msg: 'could not start', error: describeError(error) }),
      );
    process.exit(1);
  }
}
