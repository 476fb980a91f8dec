/** The settings cache and Herald's own mails as the delivery path asks for destinations (semantics 25). */
import { findSubtype, REQUIRED } from '@herald/contracts';
import type { Destination, DestinationOf, Destinations } from '@herald/delivery';
import type { DestinationCache, Destination as KnownDestination } from '@herald/subscriptions';
import type { OwnMails } from './own-mails.js';

export class KnownDestinations implements Destinations {
  constructor(
    private readonly cache: DestinationCache,
    private readonly ownMails: OwnMails,
  ) {}

  peek(delivery: DestinationOf): Destination | undefined {
    if (isOwnMail(delivery)) return undefined;
    const known = this.cache.peek(delivery);
    return known && forSubtype(known, delivery.subtype);
  }

  async load(delivery: DestinationOf): Promise<Destination> {
    if (isOwnMail(delivery)) {
      return (await this.ownMails.destination(delivery)) ?? { state: 'unusable', reason: 'DESTINATION_REMOVED' };
    }
    return forSubtype(await this.cache.get(delivery), delivery.subtype);
  }
}

/** Herald's own mails need only their own row. */
export function isOwnMail({ channel, eventId }: DestinationOf): boolean {
  return channel === 'email' && eventId === null;
}

/** Opting out does not reach what is REQUIRED. */
function forSubtype(known: KnownDestination, subtype: string): Destination {
  if (known.state === 'unusable' || !known.isOptedOut) return known;
  return findSubtype(subtype)?.policy.email === REQUIRED ? known : { state: 'unusable', reason: 'OPTED_OUT' };
}
