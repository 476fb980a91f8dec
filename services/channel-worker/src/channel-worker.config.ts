import { type DeliveryChannel, deliveryChannels } from '@herald/contracts';
import { configSection } from '@herald/platform';
import { z } from 'zod';

const all: readonly string[] = deliveryChannels;

export const channelWorkerConfig = configSection('Channel worker', {
  CHANNELS: z
    .string()
    .default(deliveryChannels.join(','))
    .transform((text, context) => {
      const channels = [...new Set(text.split(',').map((item) => item.trim()))].filter((item) => item !== '');
      if (channels.length > 0 && channels.every((item) => all.includes(item))) return channels as DeliveryChannel[];
      context.addIssue({ code: 'custom', message: `expected some of ${deliveryChannels.join(',')}` });
      return z.NEVER;
    })
    .describe('Which channels a channel-worker serves. All by default.'),
});
