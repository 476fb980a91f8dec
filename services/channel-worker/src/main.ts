import { run } from '@herald/platform';
import { channelWorkerConfig } from './channel-worker.config.js';
import { ChannelWorkerModule } from './channel-worker.module.js';

await run({ name: 'channel-worker', module: ChannelWorkerModule, defaultPort: 3006, sections: [channelWorkerConfig] });
