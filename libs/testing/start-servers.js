/** Jest's global setup: the servers are started once, and the environment that it hands its workers names them. */
import { startServers } from './src/servers.ts';

export default async function setUp() {
  globalThis.stopServers = await startServers();
}
