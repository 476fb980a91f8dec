/**
 * Herald's own mails: durable e-mail deliveries outside subscriptions and inbox. Only a reference is kept here; what the mail
 * says is made when it is sent, so that a token stands nowhere but encrypted in its own row.
 */
import { type AccountId, type DeliveryId, type DestinationId, deliveryId, type MessageId } from '@herald/contracts';
import type { Database, Sql } from '@herald/platform';
import { type RetryDelays } from './retry-delays.js';

/** What the mail is about: it names who makes its content. */
export type OwnMailKind = 'verification';

export interface OwnMail {
  readonly kind: OwnMailKind;
  /** The row it is made from, unique per mail. */
  readonly reference: string;
  readonly accountId: AccountId;
  readonly destinationId: DestinationId;
  /** What people see: a name, never an address. */
  readonly label: string;
}

const ENQUEUE = `
  with mail as (
    insert into delivery.delivery (delivery_id, accepted_at, account_id, channel, destination_id, label, lane, category, subtype, severity,
      occurred_at, status, pass, attempt_count, attempts)
    values ($1, date_trunc('milliseconds', now()), $2, 'email', $3, $4, 'urgent', 'herald', $5, 'info', now(), 'scheduled', 1, 0, '[]')
    on conflict do nothing returning delivery_id, accepted_at
  ), own as (
    insert into delivery.own_mail (delivery_id, accepted_at, kind, reference) select delivery_id, accepted_at, $6, $7 from mail
  )
  insert into delivery.open (delivery_id, accepted_at, account_id, channel, destination_id, lane, state, due_at, fence, pass, spent,
    was_ambiguous, last_at, last_reason)
  select delivery_id, accepted_at, $2, 'email', $3, 0, 'scheduled', now(), 1, 1, 0, false, now() + make_interval(secs => $8), 'RETRIES_EXHAUSTED'
  from mail`;

export class OwnMailStore {
  constructor(
    private readonly database: Database,
    private readonly delays: RetryDelays,
  ) {}

  /** Makes the mail due in the caller's transaction: both stand, or none. A repeat with the same reference adds nothing. */
  async enqueue(tx: Sql, mail: OwnMail): Promise<DeliveryId> {
    const id = deliveryId(mail.reference as MessageId, mail.destinationId);
    await tx.query(ENQUEUE, [
      id,
      mail.accountId,
      mail.destinationId,
      mail.label,
      `herald_${mail.kind}`,
      mail.kind,
      mail.reference,
      this.delays.spanMs / 1_000,
    ]);
    return id;
  }

  /** Of the asked deliveries, those that are Herald's own mails. */
  async find(ids: readonly DeliveryId[]): Promise<Map<DeliveryId, { kind: OwnMailKind; reference: string }>> {
    const { rows } = await this.database.query<{ id: DeliveryId; kind: OwnMailKind; reference: string }>(
      'select delivery_id as id, kind, reference from delivery.own_mail where delivery_id = any($1::uuid[])',
      [ids],
    );
    return new Map(rows.map(({ id, kind, reference }) => [id, { kind, reference }]));
  }
}
