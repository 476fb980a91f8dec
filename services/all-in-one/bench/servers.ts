/** The servers a run uses: where they are, a database and topics of its own there, and what becomes of them after. */
import { randomUUID } from 'node:crypto';
import { Kafka, logLevel } from 'kafkajs';
import pg from 'pg';
import { pidListeningOn, type Watched } from './processes.js';

export interface Servers {
  readonly kafka: string;
  readonly databaseUrl: string;
  readonly redis: string;
}

/** The variables that the tests read too; `eval "$(.ci/ground env)"` sets them. */
export function serversFromEnvironment(environment: NodeJS.ProcessEnv): Servers {
  const { HERALD_TEST_KAFKA: kafka, HERALD_TEST_DATABASE_URL: databaseUrl, HERALD_TEST_REDIS_URL: redis } = environment;
  if (!kafka || !databaseUrl || !redis) {
    throw new Error(
      'This ground needs Kafka, PostgreSQL and Redis: run `.ci/ground start` and `eval "$(.ci/ground env)"`, or set HERALD_TEST_KAFKA, HERALD_TEST_DATABASE_URL and HERALD_TEST_REDIS_URL to servers of your own.',
    );
  }
  return { kafka, databaseUrl, redis };
}

export interface CountedStatement {
  readonly calls: number;
  readonly rows: number;
  readonly ms: number;
  readonly text: string;
}

/** Everything of one run carries its name, so that it can be found and removed. */
export class RunSpace {
  readonly name = `herald_bench_${randomUUID().slice(0, 8)}`;
  readonly kafkaPrefix = `${this.name}.`;
  readonly databaseUrl: string;

  constructor(private readonly servers: Servers) {
    const url = new URL(servers.databaseUrl);
    url.pathname = `/${this.name}`;
    this.databaseUrl = url.href;
  }

  async create(): Promise<void> {
    await this.onServer((client) => client.query(`create database ${this.name}`));
  }

  async remove(): Promise<void> {
    await this.onServer((client) => client.query(`drop database if exists ${this.name} with (force)`));
    const admin = new Kafka({
      clientId: this.name,
      brokers: this.servers.kafka.split(','),
      logLevel: logLevel.NOTHING,
    }).admin();
    await admin.connect();
    try {
      const topics = (await admin.listTopics()).filter((topic) => topic.startsWith(this.kafkaPrefix));
      if (topics.length > 0) await admin.deleteTopics({ topics, timeout: 30_000 });
      const groups = (await admin.listGroups()).groups
        .map(({ groupId }) => groupId)
        .filter((id) => id.startsWith(this.kafkaPrefix));
      if (groups.length > 0) await admin.deleteGroups(groups).catch(() => undefined);
    } finally {
      await admin.disconnect();
    }
  }

  /** Counts statements from now on; the server needs shared_preload_libraries = 'pg_stat_statements'. */
  async countStatements(): Promise<void> {
    await this.onServer(async (client) => {
      await client.query('create extension if not exists pg_stat_statements');
      await client.query(
        'select pg_stat_statements_reset(0, (select oid from pg_database where datname = current_database()), 0)',
      );
    }, this.databaseUrl);
  }

  async countedStatements(): Promise<readonly CountedStatement[]> {
    const { rows } = await this.onServer(
      (client) =>
        client.query<CountedStatement>(
          `select calls::int, rows::int, total_exec_time as ms, regexp_replace(query, '\\s+', ' ', 'g') as text
             from pg_stat_statements
            where dbid = (select oid from pg_database where datname = current_database())
            order by total_exec_time desc limit 25`,
        ),
      this.databaseUrl,
    );
    return rows;
  }

  private async onServer<T>(work: (client: pg.Client) => Promise<T>, url = this.servers.databaseUrl): Promise<T> {
    const client = new pg.Client({ connectionString: url });
    await client.connect();
    try {
      return await work(client);
    } finally {
      await client.end();
    }
  }
}

/** Found by their ports; a server elsewhere than on this machine isn't seen and costs nothing here. */
export function watchServers({ kafka, databaseUrl, redis }: Servers): Watched[] {
  const watch = (name: string, port: number, withChildren = false): Watched => {
    let pid = pidListeningOn(port);
    return {
      name,
      withChildren,
      pid: () => {
        pid ??= pidListeningOn(port);
        return pid;
      },
    };
  };
  return [
    watch('kafka', Number(kafka.split(',')[0]?.split(':')[1] ?? 9092)),
    watch('postgres', Number(new URL(databaseUrl).port || 5432), true),
    watch('redis', Number(new URL(redis).port || 6379)),
  ];
}
