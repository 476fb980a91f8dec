/**
 * The sandbox as a process of its own. Not `run`: it needs no database, no bus and no keys, and answers `/livez` and
 * `/readyz` on its own port.
 */
import { Config, ConfigError, createLogger, platformConfig } from '@herald/platform';
import { sandboxConfig } from './sandbox.config.js';
import { sandboxOptions } from './sandbox-options.js';
import { SandboxServer } from './sandbox-server.js';

function readConfig(): Config {
  try {
    return Config.read([platformConfig, sandboxConfig], process.env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    console.error(error.message);
    process.exit(1);
  }
}

const config = readConfig();
const settings = config.get(platformConfig);
const logger = createLogger('sandbox', settings);
const sandbox = new SandboxServer();
await sandbox.start(sandboxOptions(settings, config.get(sandboxConfig)));
logger.info({ address: sandbox.url, mail: sandbox.mailUrl }, 'listening');

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => void sandbox.stop().then(() => process.exit(0)));
}
