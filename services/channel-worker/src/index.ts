export { channelWorkerConfig } from './channel-worker.config.js';
export { ChannelWorkerModule } from './channel-worker.module.js';
