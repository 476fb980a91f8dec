/** What a delivery needs to know of its destination and its content; whoever runs deliveries provides it. */
import type { Content, Locale, Reason } from '@herald/contracts';
import type { Delivery } from './delivery.js';

export interface UsableDestination {
  readonly state: 'usable';
  /** As the channel's schema parses it, decrypted. */
  readonly config: unknown;
  readonly locale: Locale;
  /** Another one means other settings: what an answer does applies to this revision alone (semantics 25). */
  readonly revision: number;
}
export type Destination = UsableDestination | { readonly state: 'unusable'; readonly reason: Reason };

export type DestinationOf = Pick<
  Delivery,
  'deliveryId' | 'eventId' | 'accountId' | 'channel' | 'destinationId' | 'subtype'
>;

export interface Destinations {
  /** What is in memory and surely in force. */
  peek(delivery: DestinationOf): Destination | undefined;
  /** Rejects where that can't be told now. Callers of one moment share a query. */
  load(delivery: DestinationOf): Promise<Destination>;
}

export interface Contents {
  /** Null where there is nothing left to say. Rejects where that can't be told now. */
  load(delivery: Delivery): Promise<Content | null>;
}

/** Told after each attempt; what it does applies to the revision that the attempt loaded. */
export interface DestinationHealth {
  succeeded(delivery: Delivery, revision: number): void;
  /** Any answer that isn't a success, or none. `refusedBecause`: credentials or address were refused, its owner must act. */
  failed(delivery: Delivery, revision: number, refusedBecause: string | null): void;
  /** It is gone for good (410, a dissolved group): it is switched off before the outcome is recorded. */
  gone(delivery: Delivery, revision: number, reason: string): Promise<void>;
}
