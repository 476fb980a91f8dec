/** Where an internal message can go. The inbox is a channel with a policy, not a provider: it has no delivery. */
export const webhookPlatforms = ['dingtalk', 'wecom', 'lark', 'slack', 'webhook'] as const;
export type WebhookPlatform = (typeof webhookPlatforms)[number];

export const deliveryChannels = ['email', ...webhookPlatforms] as const;
export type DeliveryChannel = (typeof deliveryChannels)[number];

export const channels = ['inbox', ...deliveryChannels] as const;
export type Channel = (typeof channels)[number];

/** The three columns of a subscription: `webhook` stands for all five platforms there (api.md). */
export const policyChannels = ['inbox', 'email', 'webhook'] as const;
export type PolicyChannel = (typeof policyChannels)[number];

/** -1 REQUIRED, -2 BANNED, 1 ON, 0 OFF: these integers are on the wire (domain.md, Channel policy). */
export const REQUIRED = -1;
export const BANNED = -2;
export const ON = 1;
export const OFF = 0;
export type ChannelState = -2 | -1 | 0 | 1;
