/** What a delivery needs to know of its destination and its content; whoever runs deliveries provides it. */
import type { AccountId, Content, DeliveryChannel, DestinationId, EventId, Locale, Reason } from '@herald/contracts';

export interface UsableDestination {
  readonly state: 'usable';
  /** As the channel's schema parses it, decrypted. */
  readonly config: unknown;
  readonly locale: Locale;
  /** Another one means other settings: what an answer does applies to this revision alone (semantics 25). */
  readonly revision: number;
}
export type Destination = UsableDestination | { readonly state: 'unusable'; readonly reason: Reason };

export interface DestinationKey {
  readonly accountId: AccountId;
  readonly channel: DeliveryChannel;
  readonly destinationId: DestinationId;
}

export interface Destinations {
  /** What is in memory and surely current. */
  peek(key: DestinationKey): Destination | undefined;
  load(keys: readonly DestinationKey[]): Promise<ReadonlyMap<DestinationId, Destination>>;
}

export interface Contents {
  /** Of stored events; an event that has no row is absent. */
  contents(ids: readonly EventId[]): Promise<ReadonlyMap<EventId, { readonly content: Content }>>;
}

/** What answers say about a destination. `failing` is kept until a success; `gone` disables it for good. */
export interface DestinationReport extends DestinationKey {
  readonly revision: number;
  readonly state: 'working' | 'failing' | 'gone';
  /** The owner must change something: the provider refused credentials or address. */
  readonly isRefused: boolean;
  /** Key of the advice catalogue or the provider's code. */
  readonly reason: string | null;
  readonly consecutiveFailures: number;
  /** Database time. */
  readonly lastSuccessAt: Date | null;
  readonly failingSince: Date | null;
}

export interface DestinationEffects {
  /** Written on a change of state, else at most every 30 s per destination. */
  report(reports: readonly DestinationReport[]): Promise<void>;
}
