/**
 * Identities are derived, not drawn: the same post, message or delivery has the same id whoever computes it and
 * however often, so that every step can run again (semantics 2 and 7).
 */
import { v5, v7 } from 'uuid';

declare const brand: unique symbol;
type Id<Name extends string> = string & { readonly [brand]: Name };

export type AccountId = Id<'account'>;
export type EventId = Id<'event'>;
export type MessageId = Id<'message'>;
export type DeliveryId = Id<'delivery'>;
export type DestinationId = Id<'destination'>;
export type ProducerId = Id<'producer'>;

/** UUID namespace of everything Herald derives. Changing it would change every id. */
const NAMESPACE = '6f1f4c0e-1d5b-5d0a-9a57-8f2b6a3c7e10';

export type EventIdentity =
  | { readonly kind: 'key'; readonly key: string }
  | { readonly kind: 'cloudevent'; readonly source: string; readonly id: string };

/** The id of a post. Without an identity of its own every post is a new event, and ids sort by time. */
export function eventId(producer: ProducerId, identity: EventIdentity | null): EventId {
  if (identity === null) return v7() as EventId;
  const name =
    identity.kind === 'key' ? [producer, 'key', identity.key] : [producer, 'ce', identity.source, identity.id];
  return v5(JSON.stringify(name), NAMESPACE) as EventId;
}

export function messageId(event: EventId, account: AccountId): MessageId {
  return v5(JSON.stringify([event, account]), NAMESPACE) as MessageId;
}

export function deliveryId(message: MessageId, destination: DestinationId): DeliveryId {
  return v5(JSON.stringify([message, destination]), NAMESPACE) as DeliveryId;
}

/** An e-mail destination belongs to the account and the address, so two recipients with one address are one (domain: same address twice). */
export function emailDestinationId(account: AccountId, normalisedAddress: string): DestinationId {
  return v5(JSON.stringify([account, 'email', normalisedAddress]), NAMESPACE) as DestinationId;
}

/** Trimmed; the domain in lower case; the local part as written but for case, which no provider tells apart. */
export function normaliseAddress(address: string): string {
  return address.trim().toLowerCase();
}
