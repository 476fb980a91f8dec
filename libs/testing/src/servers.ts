/**
 * Kafka, PostgreSQL and Redis for tests: what the environment names is used; what it doesn't name is started in
 * containers where Docker answers; else there is none, and what needs it is skipped, loudly, but never in CI.
 * Jest calls `startServers` once per run, under plain Node (../start-servers.js): this file imports nothing of ours and
 * has only types that Node strips.
 */
import { createServer } from 'node:net';
import { GenericContainer, getContainerRuntimeClient, type StartedTestContainer, Wait } from 'testcontainers';

export interface Servers {
  /** `host:port`. */
  readonly kafka: string;
  /** Its user may make databases. */
  readonly databaseUrl: string;
  readonly redis: string;
}

const VARIABLES = {
  kafka: 'HERALD_TEST_KAFKA',
  databaseUrl: 'HERALD_TEST_DATABASE_URL',
  redis: 'HERALD_TEST_REDIS_URL',
} as const;

type Name = keyof Servers;

export function serversFromEnvironment(): Servers | null {
  const kafka = process.env[VARIABLES.kafka];
  const databaseUrl = process.env[VARIABLES.databaseUrl];
  const redis = process.env[VARIABLES.redis];
  return kafka && databaseUrl && redis ? { kafka, databaseUrl, redis } : null;
}

/** Makes the three variables true for this process and its children. Answers how to end what was started. */
export async function startServers(): Promise<() => Promise<void>> {
  const missing = (Object.keys(VARIABLES) as Name[]).filter((name) => !process.env[VARIABLES[name]]);
  if (missing.length === 0) return async () => {};
  const started: StartedTestContainer[] = [];
  const stop = async () => {
    await Promise.all(started.map((container) => container.stop()));
  };
  try {
    await getContainerRuntimeClient();
    const starting = missing.map(async (name) => {
      const { container, address } = await containers[name]();
      started.push(container);
      return [VARIABLES[name], address] as const;
    });
    await Promise.allSettled(starting);
    for (const [variable, address] of await Promise.all(starting)) process.env[variable] = address;
    return stop;
  } catch (error) {
    await stop();
    const message = `${missing.map((name) => VARIABLES[name]).join(', ')} not set, and no container could be started:
  ${(error as Error).message}
What needs Kafka, PostgreSQL or Redis is SKIPPED. To run it, start Docker, or run the servers natively (Debian):
  .ci/ground start && eval "$(.ci/ground env)"`;
    if (process.env['CI'] === 'true') throw new Error(`${message}\nIn CI nothing may be skipped.`);
    process.stderr.write(`\n${message}\n\n`);
    return async () => {};
  }
}

interface Started {
  readonly container: StartedTestContainer;
  readonly address: string;
}

const containers: Record<Name, () => Promise<Started>> = {
  async kafka() {
    // Kafka tells its clients where to reach it, so the port must be known before it starts.
    const port = await freePort();
    const container = await new GenericContainer('apache/kafka:4.2.0')
      .withExposedPorts({ container: 9092, host: port })
      .withEnvironment({
        KAFKA_NODE_ID: '1',
        KAFKA_PROCESS_ROLES: 'broker,controller',
        KAFKA_CONTROLLER_QUORUM_VOTERS: '1@localhost:9093',
        KAFKA_LISTENERS: 'PLAINTEXT://:9092,CONTROLLER://:9093',
        KAFKA_ADVERTISED_LISTENERS: `PLAINTEXT://127.0.0.1:${port}`,
        KAFKA_LISTENER_SECURITY_PROTOCOL_MAP: 'PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT',
        KAFKA_CONTROLLER_LISTENER_NAMES: 'CONTROLLER',
        KAFKA_AUTO_CREATE_TOPICS_ENABLE: 'false',
        KAFKA_OFFSETS_TOPIC_REPLICATION_FACTOR: '1',
        KAFKA_OFFSETS_TOPIC_NUM_PARTITIONS: '8',
        KAFKA_GROUP_INITIAL_REBALANCE_DELAY_MS: '0',
        KAFKA_HEAP_OPTS: '-Xms256m -Xmx512m',
      })
      .withWaitStrategy(Wait.forLogMessage(/Kafka Server started/))
      .withStartupTimeout(120_000)
      .start();
    return { container, address: `127.0.0.1:${port}` };
  },
  async databaseUrl() {
    const container = await new GenericContainer('postgres:17')
      .withExposedPorts(5432)
      .withEnvironment({ POSTGRES_USER: 'herald', POSTGRES_PASSWORD: 'herald', POSTGRES_DB: 'herald' })
      .withCommand(['postgres', '-c', 'max_connections=200'])
      // While it sets itself up it listens on its own socket only.
      .withWaitStrategy(Wait.forSuccessfulCommand('pg_isready -h 127.0.0.1 -U herald -d herald'))
      .start();
    const address = `${container.getHost()}:${container.getMappedPort(5432)}`;
    return { container, address: `postgres://herald:herald@${address}/herald` };
  },
  async redis() {
    const container = await new GenericContainer('redis:7')
      .withExposedPorts(6379)
      .withCommand(['redis-server', '--save', '', '--appendonly', 'no'])
      .withWaitStrategy(Wait.forSuccessfulCommand('redis-cli ping'))
      .start();
    return { container, address: `redis://${container.getHost()}:${container.getMappedPort(6379)}` };
  },
};

function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const server = createServer()
      .once('error', reject)
      .listen(0, () => {
        const { port } = server.address() as { port: number };
        server.close(() => resolve(port));
      });
  });
}
