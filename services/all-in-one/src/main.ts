import { channelWorkerConfig } from '@herald/channel-worker';
import { type RunningService, run } from '@herald/platform';
import { SandboxServer, sandboxConfig } from '@herald/sandbox';
import { AllInOneModule } from './all-in-one.module.js';
import { Demo } from './demo/demo.js';
import { HERALD_PORT } from './embedded-defaults.js';
import { isFirstTelling, type OwnEnvironment, ownEnvironment } from './own-environment.js';
import { welcome } from './welcome.js';

let own: OwnEnvironment | undefined;

await run(
  {
    name: 'all-in-one',
    module: AllInOneModule,
    defaultPort: HERALD_PORT,
    sections: [channelWorkerConfig, sandboxConfig],
  },
  {
    environment: () => {
      own = ownEnvironment(process.env);
      return own.environment;
    },
    onListening: (running) => greet(running, own!),
  },
);

/** Where machines read the output, it stays one JSON object a line. */
function greet({ app, url }: RunningService, { environment, dataDir, operatorToken }: OwnEnvironment): void {
  if (environment['LOG_FORMAT'] === 'json') return;
  const sandbox = environment['HERALD_SANDBOX'] === 'true' ? app.get(SandboxServer, { strict: false }) : null;
  const text = welcome({
    url,
    sandbox,
    dataDir,
    operator: {
      token: operatorToken && dataDir && isFirstTelling(dataDir) ? operatorToken.value : null,
      file: operatorToken?.file ?? null,
    },
    apiKey: app.get(Demo, { strict: false }).apiKey,
  });
  process.stdout.write(text);
}
