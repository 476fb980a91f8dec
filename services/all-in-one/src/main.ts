import { channelWorkerConfig } from '@herald/channel-worker';
import { run } from '@herald/platform';
import { sandboxConfig } from '@herald/sandbox';
import { AllInOneModule } from './all-in-one.module.js';
import { HERALD_PORT } from './embedded-defaults.js';
import { ownEnvironment } from './own-environment.js';

await run(
  {
    name: 'all-in-one',
    module: AllInOneModule,
    defaultPort: HERALD_PORT,
    sections: [channelWorkerConfig, sandboxConfig],
  },
  { environment: () => ownEnvironment(process.env).environment },
);
