/** Herald running for real, as black boxes: one process on embedded parts, or separate processes on real servers. */
import { type ChildProcess, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { startGateway } from '../src/gateway.js';
import { planProcesses } from '../src/processes.js';
import { Supervisor } from '../src/supervisor.js';
import { call, Herald, Sandbox, until } from './client.js';

export interface Ground {
  readonly name: 'embedded' | 'distributed';
  readonly herald: Herald;
  readonly sandbox: Sandbox;
  /** Everything the processes printed. */
  output(): string;
  /** Names that `kill` takes. */
  readonly processes: readonly string[];
  /** Ends a process the hard way; it comes back by itself. Resolves when everything answers again. */
  kill(name: string, signal?: NodeJS.Signals): Promise<void>;
  stop(): Promise<void>;
}

const root = resolve(import.meta.dirname, '../../..');
const OPERATOR_TOKEN = `test-${randomBytes(16).toString('hex')}`;
const nodeFlags = ['--enable-source-maps', '--disable-warning=TimeoutNegativeWarning'];

/** Fast enough for stories, the same shape as the defaults; the span is then at least 10 min. */
const retries = {
  HERALD_RETRY_DELAYS_WEBHOOK: '1s,1s,2s,2s,3s',
  HERALD_RETRY_DELAYS_CHAT: '1s,1s,2s',
  HERALD_RETRY_DELAYS_EMAIL: '1s,1s,2s',
  HERALD_ATTEMPT_TIMEOUT: '3s',
};

export async function freePorts(count: number): Promise<number> {
  for (let tries = 0; tries < 50; tries += 1) {
    const base = 20_000 + Math.floor(Math.random() * 400) * 50;
    const free = await Promise.all(Array.from({ length: count }, (_, index) => isFree(base + index)));
    if (free.every(Boolean)) return base;
  }
  throw new Error(`no ${count} free ports in a row`);
}

function isFree(port: number): Promise<boolean> {
  return new Promise((done) => {
    const server = createServer()
      .once('error', () => done(false))
      .once('listening', () => server.close(() => done(true)))
      .listen(port, '127.0.0.1');
  });
}

async function ready(url: string, within = 240_000): Promise<void> {
  await until(`${url}/readyz`, async () => (await call(`${url}/readyz`)).status === 200, within);
}

function collect(child: ChildProcess, lines: string[]): void {
  for (const stream of [child.stdout, child.stderr]) {
    stream?.setEncoding('utf8').on('data', (chunk: string) => lines.push(chunk));
  }
}

export async function embeddedGround(more: Record<string, string> = {}): Promise<Ground> {
  const dataDir = mkdtempSync(join(tmpdir(), 'herald-e2e-'));
  const port = await freePorts(3);
  const lines: string[] = [];
  const url = `http://127.0.0.1:${port}`;
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    HERALD_PORT: String(port),
    HERALD_PUBLIC_URL: url,
    HERALD_DATA_DIR: dataDir,
    HERALD_SANDBOX_PORT: String(port + 1),
    HERALD_BOOTSTRAP_OPERATOR_TOKEN: OPERATOR_TOKEN,
    HERALD_DEMO: 'false',
    LOG_FORMAT: 'json',
    ...retries,
    ...more,
  };
  let stopped = false;
  let child: ChildProcess;
  const start = () => {
    child = spawn(process.execPath, [...nodeFlags, join(root, 'services/all-in-one/dist/main.js')], {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    collect(child, lines);
  };
  start();
  await ready(url).catch((error) => {
    child.kill('SIGKILL');
    throw new Error(`embedded Herald did not get ready:\n${lines.join('')}`, { cause: error });
  });
  return {
    name: 'embedded',
    herald: new Herald(url, OPERATOR_TOKEN),
    sandbox: new Sandbox(`http://127.0.0.1:${port + 1}`),
    output: () => lines.join(''),
    processes: ['all-in-one'],
    async kill(_name, signal = 'SIGKILL') {
      const exit = new Promise((done) => child.once('exit', done));
      child.kill(signal);
      await exit;
      if (!stopped) start();
      await ready(url);
    },
    async stop() {
      stopped = true;
      const exit = new Promise((done) => child.once('exit', done));
      child.kill('SIGTERM');
      await exit;
      rmSync(dataDir, { recursive: true, force: true });
    },
  };
}

export interface Servers {
  readonly kafka: string;
  /** A database of its own is made next to this one. */
  readonly databaseUrl: string;
  readonly redis: string;
}

export function serversFromEnvironment(): Servers | null {
  const kafka = process.env['HERALD_TEST_KAFKA'];
  const databaseUrl = process.env['HERALD_TEST_DATABASE_URL'];
  const redis = process.env['HERALD_TEST_REDIS_URL'];
  return kafka && databaseUrl && redis ? { kafka, databaseUrl, redis } : null;
}

export async function distributedGround(servers: Servers, more: Record<string, string> = {}): Promise<Ground> {
  const name = `herald_e2e_${randomUUID().slice(0, 8)}`;
  const databaseUrl = await createDatabase(servers.databaseUrl, name);
  const base = await freePorts(14);
  const url = `http://127.0.0.1:${base}`;
  const sandboxUrl = `http://127.0.0.1:${base + 10}`;
  const lines: string[] = [];
  const env = {
    ...process.env,
    NODE_OPTIONS: '',
    HERALD_PUBLIC_URL: url,
    HERALD_DATABASE_URL: databaseUrl,
    HERALD_KAFKA_BROKERS: servers.kafka,
    HERALD_KAFKA_PREFIX: `${name}.`,
    HERALD_REDIS_URL: servers.redis,
    HERALD_SECRET_KEYS: `test:${randomBytes(32).toString('base64')}`,
    HERALD_BOOTSTRAP_OPERATOR_TOKEN: OPERATOR_TOKEN,
    HERALD_OUTBOUND_ALLOW: '127.0.0.0/8',
    HERALD_PROVIDER_ORIGINS: ['dingtalk', 'wecom', 'lark', 'slack'].map((id) => `${id}=${sandboxUrl}`).join(','),
    HERALD_SMTP_URL: `smtp://127.0.0.1:${base + 11}`,
    HERALD_MAIL_FROM: 'Herald <herald@example.com>',
    HERALD_SANDBOX: 'false',
    HERALD_DEMO: 'false',
    LOG_FORMAT: 'json',
    ...retries,
    ...more,
  };
  const supervisor = new Supervisor({ env, onLine: (process, line) => lines.push(`${process} ${line}\n`) });
  const sandbox = { HERALD_SANDBOX: 'true', HERALD_SANDBOX_PORT: String(base + 10), HERALD_PORT: String(base + 12) };
  supervisor.start({ name: 'sandbox', service: 'sandbox', port: base + 12, env: sandbox });
  const plans = planProcesses(base);
  for (const plan of plans) supervisor.start(plan);
  const at = (service: string) => `http://127.0.0.1:${plans.find((plan) => plan.name === service)?.port}`;
  const gateway = await startGateway(base, { ingest: at('ingest'), inbox: at('inbox'), console: at('console') });
  const allReady = () => Promise.all(plans.map((plan) => ready(`http://127.0.0.1:${plan.port}`, 90_000)));
  await allReady().catch((error) => {
    throw new Error(`Herald did not get ready:\n${lines.slice(-200).join('')}`, { cause: error });
  });
  return {
    name: 'distributed',
    herald: new Herald(gateway.url, OPERATOR_TOKEN),
    sandbox: new Sandbox(sandboxUrl),
    output: () => lines.join(''),
    processes: plans.map((plan) => plan.name),
    async kill(process, signal = 'SIGKILL') {
      supervisor.kill(process, signal);
      await until(`${process} ended`, async () => supervisor.restarts(process) >= 0);
      await allReady();
    },
    async stop() {
      await gateway.close();
      await supervisor.stop();
      await dropDatabase(servers.databaseUrl, name);
    },
  };
}

async function withServer<T>(
  databaseUrl: string,
  work: (query: (sql: string) => Promise<unknown>) => Promise<T>,
): Promise<T> {
  const { default: pg } = await import('pg');
  const client = new pg.Client({ connectionString: databaseUrl });
  await client.connect();
  try {
    return await work((sql) => client.query(sql));
  } finally {
    await client.end();
  }
}

async function createDatabase(serverUrl: string, name: string): Promise<string> {
  await withServer(serverUrl, (query) => query(`create database ${name}`));
  const url = new URL(serverUrl);
  url.pathname = `/${name}`;
  return url.href;
}

async function dropDatabase(serverUrl: string, name: string): Promise<void> {
  await withServer(serverUrl, (query) => query(`drop database if exists ${name} with (force)`));
}
