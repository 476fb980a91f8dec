/** Why something was not sent (domain.md, Entities). Every non-delivery has one. */
export const reasons = [
  'CHANNEL_OFF',
  'CHANNEL_BANNED',
  'NO_RECIPIENT',
  'UNVERIFIED',
  'OPTED_OUT',
  'KEYWORD_BLACKLIST',
  'KEYWORD_NOT_WHITELISTED',
  'BELOW_SEVERITY',
  'EXPIRED',
  'WEBHOOK_DISABLED',
  'CHANNEL_UNAVAILABLE',
  'DESTINATION_REMOVED',
  'RETRIES_EXHAUSTED',
  'REJECTED',
  'UNCONFIRMED',
  'CANCELLED',
] as const;
export type Reason = (typeof reasons)[number];

/** How a delivery stands. `scheduled` is the only one that isn't an end. */
export const deliveryStatuses = ['delivered', 'scheduled', 'dead', 'suppressed', 'cancelled'] as const;
export type DeliveryStatus = (typeof deliveryStatuses)[number];
