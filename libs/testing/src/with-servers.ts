import { describe, it } from '@jest/globals';
import { type Servers, serversFromEnvironment } from './servers.js';

/**
 * Declares tests that need real Kafka, PostgreSQL and Redis. Where there are none, they are reported as skipped under
 * their name (why, and what to do about it, `startServers` has said), and in CI the run has failed before.
 */
export function describeWithServers(name: string, declare: (servers: Servers) => void): void {
  const servers = serversFromEnvironment();
  if (servers) describe(name, () => declare(servers));
  else describe.skip(name, () => it('needs Kafka, PostgreSQL and Redis', () => {}));
}
