/** Kafka, PostgreSQL and Redis of this run alone, so that killing them disturbs nobody. They keep their data when killed. */
import { execFile } from 'node:child_process';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { createConnection } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import { type Servers, serversFromEnvironment } from '../bench/servers.js';
import type { ServerName } from './fault-plan.js';

const run = promisify(execFile);
const ground = resolve('.ci/ground');

export class FaultServers {
  private constructor(
    private readonly folder: string,
    readonly addresses: Servers,
  ) {}

  static async start(): Promise<FaultServers> {
    const folder = mkdtempSync(join(tmpdir(), 'herald-faults-'));
    // PostgreSQL's own user has to reach its data.
    chmodSync(folder, 0o755);
    await call(folder, 'start');
    const lines = await call(folder, 'env');
    const variables = Object.fromEntries(
      [...lines.matchAll(/^export (\w+)='(.*)'$/gm)].map(([, name, value]) => [name, value]),
    );
    return new FaultServers(folder, serversFromEnvironment(variables));
  }

  async kill(server: ServerName): Promise<void> {
    await call(this.folder, 'kill', server);
  }

  /** Resolves when it answers. */
  async startAgain(server: ServerName): Promise<void> {
    await call(this.folder, 'start', server);
  }

  flushRedis(): Promise<void> {
    const { hostname, port } = new URL(this.addresses.redis);
    return new Promise((done, failed) => {
      const socket = createConnection({ host: hostname, port: Number(port) }, () => socket.write('FLUSHALL\r\n'));
      socket.once('data', (answer) => {
        socket.destroy();
        if (answer.toString().startsWith('+OK')) done();
        else failed(new Error(`FLUSHALL was answered ${answer}`));
      });
      socket.once('error', failed);
    });
  }

  async remove(): Promise<void> {
    await call(this.folder, 'stop');
    rmSync(this.folder, { recursive: true, force: true });
  }
}

async function call(folder: string, ...command: string[]): Promise<string> {
  const environment = Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('HERALD_')));
  const { stdout } = await run(ground, command, {
    env: { ...environment, HERALD_GROUND_DIR: folder },
    timeout: 600_000,
  });
  return stdout;
}
