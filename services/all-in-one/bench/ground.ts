/**
 * Herald for a run, started as its users start it, with its defaults: separate processes on real servers, one process on
 * embedded parts, or one process on real servers. Everything it leaves is removed with it.
 */
import { randomBytes } from 'node:crypto';
import { closeSync, mkdtempSync, openSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type ProcessPlan, planProcesses, Supervisor, startGateway } from '@herald/all-in-one';
import { Herald, until } from '../e2e/client.js';
import { monotonicMs } from './clock.js';
import { endOnSignal } from './ending.js';
import type { Watched } from './processes.js';
import { RunSpace, type Servers, watchServers } from './servers.js';

export type GroundName = 'distributed' | 'embedded' | 'one-process';

export interface GroundOptions {
  readonly name: GroundName;
  /** Needed on every ground but the embedded one. */
  readonly servers?: Servers;
  /** Of the separate processes, only these. */
  readonly only?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly nodeArguments?: readonly string[];
  readonly onExit?: (name: string, code: number | null, signal: NodeJS.Signals | null) => void;
  /** Printed lines are kept here; without it they go with the run. */
  readonly logFolder?: string;
}

export interface Ground {
  readonly name: GroundName;
  /** Through one origin, for everything but the load. */
  readonly herald: Herald;
  /** Where the load goes: the ingest process itself, or the one process. */
  readonly ingest: { readonly host: string; readonly port: number };
  readonly processes: readonly string[];
  readonly supervisor: Supervisor;
  /** From the start of the processes until all were ready. */
  readonly readyAfterMs: number;
  readonly watched: readonly Watched[];
  /** Null where the database is embedded. */
  readonly space: RunSpace | null;
  isReady(process: string): Promise<boolean>;
  stop(): Promise<void>;
}

const OPERATOR_TOKEN = `bench-${randomBytes(16).toString('hex')}`;

export async function startGround(options: GroundOptions): Promise<Ground> {
  const folder = options.logFolder ?? mkdtempSync(join(tmpdir(), 'herald-bench-'));
  const dataFolder = mkdtempSync(join(tmpdir(), 'herald-bench-data-'));
  const base = await freePorts(14);
  const space = options.name === 'embedded' ? null : new RunSpace(needed(options.servers));
  await space?.create();
  const plans = plansOf(options, base);
  const files = new Map(plans.map(({ name }) => [name, openSync(join(folder, `${name}.log`), 'a')]));
  const supervisor = new Supervisor({
    env: { ...withoutHerald(process.env), ...environment(options, base, dataFolder, space), ...options.env },
    outputFile: (name) => files.get(name) as number,
    onExit: options.onExit,
    nodeArguments: options.nodeArguments,
  });
  const startedAt = monotonicMs();
  for (const plan of plans) supervisor.start(plan);
  const portOf = (name: string) => plans.find((plan) => plan.name === name)?.port ?? base;
  const at = (name: string) => `http://127.0.0.1:${portOf(name)}`;
  const gateway =
    options.name === 'distributed'
      ? await startGateway(base, { ingest: at('ingest'), inbox: at('inbox'), console: at('console') })
      : null;
  const isReady = (name: string) => answersReady(at(name));
  const stopOnce = async (isKept = Boolean(options.logFolder)) => {
    await gateway?.close();
    await supervisor.stop();
    for (const file of files.values()) closeSync(file);
    rmSync(dataFolder, { recursive: true, force: true });
    if (!isKept) rmSync(folder, { recursive: true, force: true });
    await space?.remove();
  };
  let stopped: Promise<void> | undefined;
  const stop = (isKept?: boolean): Promise<void> => {
    calmDown();
    stopped ??= stopOnce(isKept);
    return stopped;
  };
  const calmDown = endOnSignal(() => stop());
  try {
    await Promise.all(plans.map(({ name }) => until(`${name} is ready`, () => isReady(name), 90_000)));
  } catch (error) {
    await stop(true);
    throw new Error(`Herald did not get ready; its output is in ${folder}`, { cause: error });
  }
  return {
    name: options.name,
    herald: new Herald(gateway?.url ?? `http://127.0.0.1:${base}`, OPERATOR_TOKEN),
    ingest: { host: '127.0.0.1', port: options.name === 'distributed' ? portOf('ingest') : base },
    processes: plans.map(({ name }) => name),
    supervisor,
    readyAfterMs: monotonicMs() - startedAt,
    watched: [
      ...plans.map(({ name }) => ({ name, pid: () => supervisor.pid(name) })),
      ...(space && options.servers ? watchServers(options.servers) : []),
    ],
    space,
    isReady,
    stop: () => stop(),
  };
}

function plansOf({ name, only }: GroundOptions, base: number): readonly ProcessPlan[] {
  if (name !== 'distributed') return [{ name: 'all-in-one', service: 'all-in-one', port: base, env: {} }];
  return planProcesses(base).filter((plan) => !only || only.includes(plan.name));
}

/** Herald's defaults, but for where it runs; e-mail and the chats have no provider here and get no deliveries. */
function environment(
  { name, servers }: GroundOptions,
  base: number,
  dataFolder: string,
  space: RunSpace | null,
): Record<string, string> {
  const real: Record<string, string> =
    space && servers
      ? {
          HERALD_DATABASE_URL: space.databaseUrl,
          HERALD_KAFKA_BROKERS: servers.kafka,
          HERALD_KAFKA_PREFIX: space.kafkaPrefix,
          HERALD_REDIS_URL: servers.redis,
          HERALD_SECRET_KEYS: `bench:${randomBytes(32).toString('base64')}`,
        }
      : {};
  return {
    ...(name === 'distributed' ? {} : { HERALD_PORT: String(base) }),
    HERALD_PUBLIC_URL: `http://127.0.0.1:${base}`,
    HERALD_DATA_DIR: dataFolder,
    HERALD_BOOTSTRAP_OPERATOR_TOKEN: OPERATOR_TOKEN,
    HERALD_OUTBOUND_ALLOW: '127.0.0.0/8',
    HERALD_SANDBOX: 'false',
    HERALD_DEMO: 'false',
    LOG_FORMAT: 'json',
    ...real,
  };
}

/** A developer's own settings must not leak into a measurement. */
const withoutHerald = (environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv =>
  Object.fromEntries(
    Object.entries(environment).filter(([name]) => !/^(HERALD_|LOG_|CHANNELS$|NODE_OPTIONS$)/.test(name)),
  );

async function answersReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/readyz`, { signal: AbortSignal.timeout(2_000) })).status === 200;
  } catch {
    return false;
  }
}

function needed(servers: Servers | undefined): Servers {
  if (!servers) throw new Error('this ground needs servers');
  return servers;
}

async function freePorts(count: number): Promise<number> {
  for (let tries = 0; tries < 50; tries += 1) {
    const base = 20_000 + Math.floor(Math.random() * 400) * 20;
    const free = await Promise.all(Array.from({ length: count }, (_, index) => isFree(base + index)));
    if (free.every(Boolean)) return base;
  }
  throw new Error(`no ${count} free ports in a row`);
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((done) => {
    const server = createServer()
      .once('error', () => done(false))
      .once('listening', () => server.close(() => done(true)))
      .listen(port, '127.0.0.1');
  });
