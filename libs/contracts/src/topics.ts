/** Every topic of the bus: its name, its key and its schema (semantics 12). */
import { type DeliveryChannel, deliveryChannels } from './channels.js';
import { type Lane, lanes } from './lanes.js';

/** Keyed by account; any audience by event id. */
export const eventAccepted = (lane: Lane): string => `event.accepted.${lane}.v1`;
/** Keyed by account. */
export const messageRouted = (lane: Lane): string => `message.routed.${lane}.v1`;
/** Keyed by destination. */
export const deliveryRequested = (channel: DeliveryChannel, lane: Lane): string =>
  `delivery.requested.${channel}.${lane}.v1`;

export const allTopics: readonly string[] = [
  ...lanes.map(eventAccepted),
  ...lanes.map(messageRouted),
  ...deliveryChannels.flatMap((channel) => lanes.map((lane) => deliveryRequested(channel, lane))),
];

/** The consumer groups; a channel's workers share one. */
export const groups = {
  router: 'herald-router',
  inbox: 'herald-inbox',
  channel: (channel: DeliveryChannel): string => `herald-channel-${channel}`,
} as const;
