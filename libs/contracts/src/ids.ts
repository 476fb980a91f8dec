/**
 * Identities are derived, not drawn: the same post, message or delivery has the same id whoever computes it and
 * however often, so that every step can run again (semantics 2 and 7).
 */
// The default export: browsers, which only need the types and schemas of this package, get an empty one.
import crypto from 'node:crypto';

declare const brand: unique symbol;
type Id<Name extends string> = string & { readonly [brand]: Name };

export type AccountId = Id<'account'>;
export type EventId = Id<'event'>;
export type MessageId = Id<'message'>;
export type DeliveryId = Id<'delivery'>;
export type DestinationId = Id<'destination'>;
export type ProducerId = Id<'producer'>;

/** UUID namespace of everything Herald derives. Changing it would change every id. */
const NAMESPACE = '6f1f4c0e1d5b5d0a9a578f2b6a3c7e10';

/** UUID version 5 (RFC 9562) of a name as JSON. Several are made per event: a fifth of the time of the `uuid` package's. */
function derived(name: readonly string[]): string {
  const hex = crypto.hash(
    'sha1',
    Buffer.concat([Buffer.from(NAMESPACE, 'hex'), Buffer.from(JSON.stringify(name))]),
    'hex',
  );
  const variant = ((Number.parseInt(hex[16]!, 16) & 0x3) | 0x8).toString(16);
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-5${hex.slice(13, 16)}-${variant}${hex.slice(17, 20)}-${hex.slice(20, 32)}`;
}

/** UUID version 7: milliseconds, then chance. */
function drawn(): string {
  const ms = Date.now().toString(16).padStart(12, '0');
  return `${ms.slice(0, 8)}-${ms.slice(8)}-7${crypto.randomUUID().slice(15)}`;
}

export type EventIdentity =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'cloudevent'; readonly source: string; readonly id: string };

/** The id of a post. Without an identity of its own every post is a new event, and ids sort by time. */
export function eventId(producer: ProducerId, identity: EventIdentity | null): EventId {
  if (identity === null) return drawn() as EventId;
  const name =
    identity.kind === 'key' ? [producer, 'key', identity.key] : [producer, 'ce', identity.source, identity.id];
  return derived(name) as EventId;
}

export function messageId(event: EventId, account: AccountId): MessageId {
  return derived([event, account]) as MessageId;
}

export function deliveryId(message: MessageId, destination: DestinationId): DeliveryId {
  return derived([message, destination]) as DeliveryId;
}

/** An e-mail destination belongs to the account and the address, so two recipients with one address are one (domain: same address twice). */
export function emailDestinationId(account: AccountId, normalisedAddress: string): DestinationId {
  return derived([account, 'email', normalisedAddress]) as DestinationId;
}

/** Trimmed; the domain in lower case; the local part as written but for case, which no provider tells apart. */
export function normaliseAddress(address: string): string {
  return address.trim().toLowerCase();
}
