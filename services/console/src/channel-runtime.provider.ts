/** Channels for the test call: the worker has its own. */
import { openChannels } from '@herald/channels';
import { Config, DatabaseClock, platformConfig } from '@herald/platform';
import type { Provider } from '@nestjs/common';

export const CHANNEL_RUNTIME = Symbol('ChannelRuntime');

export const channelRuntimeProvider: Provider = {
  provide: CHANNEL_RUNTIME,
  inject: [Config, DatabaseClock],
  useFactory: (config: Config, clock: DatabaseClock) => openChannels(config.get(platformConfig), () => clock.now()),
};
