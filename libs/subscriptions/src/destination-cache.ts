/**
 * Where deliveries go, as the worker needs it before each attempt: does it exist, may it be sent to, and its decrypted
 * configuration, once per revision (semantics 25).
 */
import type { AccountId, DeliveryChannel, DestinationId, Locale, Reason } from '@herald/contracts';
import type { Database, KeyRing, Logger } from '@herald/platform';
import { SettingsCache } from './settings-cache.js';
import type { SettingsFeed } from './settings-feed.js';
import { webhookSecretPlace } from './webhook.store.js';

export type Destination =
  | {
      readonly state: 'usable';
      /** As the channel's schema has it; for e-mail `{ name, address }`. */
      readonly config: unknown;
      readonly locale: Locale;
      readonly revision: number;
      /** Sent to for REQUIRED only: opting out does not reach that. */
      readonly isOptedOut: boolean;
    }
  | { readonly state: 'unusable'; readonly reason: Reason };

export interface DestinationKey {
  readonly accountId: AccountId;
  readonly channel: DeliveryChannel;
  readonly destinationId: DestinationId;
}

interface WebhookRow {
  readonly id: DestinationId;
  readonly accountId: AccountId;
  readonly config: string;
  readonly isDisabled: boolean;
  readonly revision: number;
  readonly locale: Locale;
}

interface RecipientRow {
  readonly destinationId: DestinationId;
  readonly accountId: AccountId;
  readonly name: string;
  readonly email: string;
  readonly locale: Locale;
  readonly isVerified: boolean;
  readonly isOptedOut: boolean;
}

export const CACHED_DESTINATIONS = 50_000;
const removed: Destination = { state: 'unusable', reason: 'DESTINATION_REMOVED' };

/** `<account>/<destination>` of a webhook, `<account>/<destination>/email` of an address. */
type Place = string;
const EMAIL = '/email';

export interface DestinationCacheParts {
  readonly database: Database;
  readonly keyRing: KeyRing;
  readonly feed: SettingsFeed;
  readonly logger: Logger;
}

export class DestinationCache {
  private readonly cache: SettingsCache<Place, Destination>;

  constructor(
    private readonly parts: DestinationCacheParts,
    destinationsAtMost = CACHED_DESTINATIONS,
  ) {
    const { feed } = parts;
    this.cache = new SettingsCache({ feed, entriesAtMost: destinationsAtMost, load: (places) => this.find(places) });
    feed.onChange((changes) => {
      for (const { kind, accountId, key } of changes) {
        // Its language is in every destination of it.
        if (kind === 'account') this.cache.forgetWhere((place) => place.startsWith(`${accountId}/`));
        else if (kind === 'webhook') this.cache.forget(`${accountId}/${key}`);
        else if (kind === 'recipient') this.cache.forget(`${accountId}/${key}${EMAIL}`);
      }
    });
  }

  /** The destination where it is in memory and in force. */
  peek(key: DestinationKey): Destination | undefined {
    return this.cache.peek(placeOf(key));
  }

  async get(key: DestinationKey): Promise<Destination> {
    return (await this.load([key])).get(key.destinationId)!;
  }

  /** All of them; what doesn't exist is unusable. Rejects where that can't be told now. */
  async load(keys: readonly DestinationKey[]): Promise<Map<DestinationId, Destination>> {
    const found = await this.cache.get(keys.map(placeOf));
    return new Map(keys.map((key) => [key.destinationId, found.get(placeOf(key)) ?? removed]));
  }

  private async find(places: readonly Place[]): Promise<Map<Place, Destination>> {
    const found = new Map<Place, Destination>();
    const emails = places.filter((place) => place.endsWith(EMAIL));
    const webhooks = places.filter((place) => !place.endsWith(EMAIL));
    if (webhooks.length > 0) {
      for (const row of await this.webhookRows(webhooks.map(split))) {
        found.set(`${row.accountId}/${row.id}`, this.webhook(row));
      }
    }
    if (emails.length > 0) {
      for (const row of await this.recipientRows(emails.map(split))) {
        const place = `${row.accountId}/${row.destinationId}${EMAIL}`;
        found.set(place, better(found.get(place), recipient(row)));
      }
    }
    return found;
  }

  private webhook(row: WebhookRow): Destination {
    if (row.isDisabled) return { state: 'unusable', reason: 'WEBHOOK_DISABLED' };
    try {
      const config = JSON.parse(this.parts.keyRing.decrypt(row.config, webhookSecretPlace(row.id)));
      return { state: 'usable', config, locale: row.locale, revision: row.revision, isOptedOut: false };
    } catch (error) {
      // One row that can't be read must not stop those loaded with it.
      this.parts.logger.error(
        { error, webhookId: row.id },
        'a webhook can’t be decrypted: is its key in HERALD_SECRET_KEYS?',
      );
      return { state: 'unusable', reason: 'CHANNEL_UNAVAILABLE' };
    }
  }

  private async webhookRows(keys: readonly StoredPlace[]): Promise<WebhookRow[]> {
    const { rows } = await this.parts.database.query<WebhookRow>(
      {
        name: 'destination-webhooks',
        text: `select w.id, w.account_id as "accountId", w.config, w.status = 'disabled' as "isDisabled", w.revision, a.locale
               from unnest($1::text[], $2::uuid[]) as k (account_id, id)
               join settings.webhook w on w.account_id = k.account_id and w.id = k.id
               join settings.account a on a.id = w.account_id`,
      },
      columns(keys),
    );
    return rows;
  }

  private async recipientRows(keys: readonly StoredPlace[]): Promise<RecipientRow[]> {
    const { rows } = await this.parts.database.query<RecipientRow>(
      {
        name: 'destination-recipients',
        text: `select r.destination_id as "destinationId", r.account_id as "accountId", r.name, r.email,
                 coalesce(r.locale, a.locale) as locale, r.verified_at is not null as "isVerified",
                 r.opted_out as "isOptedOut"
               from unnest($1::text[], $2::uuid[]) as k (account_id, id)
               join settings.recipient r on r.account_id = k.account_id and r.destination_id = k.id
               join settings.account a on a.id = r.account_id
               order by r.created_at, r.id`,
      },
      columns(keys),
    );
    return rows;
  }
}

interface StoredPlace {
  readonly accountId: string;
  readonly id: string;
}

function placeOf({ accountId, channel, destinationId }: DestinationKey): Place {
  return `${accountId}/${destinationId}${channel === 'email' ? EMAIL : ''}`;
}

/** An account's id has no slash. */
function split(place: Place): StoredPlace {
  const [accountId = '', id = ''] = place.split('/');
  return { accountId, id };
}

function columns(keys: readonly StoredPlace[]): unknown[] {
  return [keys.map(({ accountId }) => accountId), keys.map(({ id }) => id)];
}

function recipient(row: RecipientRow): Destination {
  if (!row.isVerified) return { state: 'unusable', reason: 'UNVERIFIED' };
  const config = { name: row.name, address: row.email };
  return { state: 'usable', config, locale: row.locale, revision: 1, isOptedOut: row.isOptedOut };
}

/** An address exists while some recipient has it, verified and not opted out: the first of those is it. */
function better(known: Destination | undefined, other: Destination): Destination {
  if (known === undefined || known.state === 'unusable') return other;
  return known.isOptedOut && other.state === 'usable' && !other.isOptedOut ? other : known;
}
