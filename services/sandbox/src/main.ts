/**
 * The sandbox as a process of its own. Not `run`: it needs no database, no bus and no keys, and answers `/livez` and
 * `/readyz` on its own port.
 */
import { Config, createLogger, inWords, listenFault, platformConfig } from '@herald/platform';
import { sandboxConfig } from './sandbox.config.js';
import { sandboxOptions } from './sandbox-options.js';
import { SandboxServer } from './sandbox-server.js';

const sandbox = new SandboxServer();
try {
  const config = Config.read([platformConfig, sandboxConfig], process.env);
  const settings = config.get(platformConfig);
  await sandbox.start(sandboxOptions(settings, config.get(sandboxConfig))).catch((error: unknown) => {
    throw listenFault(error, 'HERALD_SANDBOX_PORT');
  });
  createLogger('sandbox', settings).info({ address: sandbox.url, mail: sandbox.mailUrl }, 'listening');
} catch (error) {
  const words = inWords(error);
  if (words === null) throw error;
  console.error(words);
  process.exit(1);
}

for (const signal of ['SIGTERM', 'SIGINT'] as const) {
  process.once(signal, () => void sandbox.stop().then(() => process.exit(0)));
}
