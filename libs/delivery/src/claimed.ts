/** From an open row that this process has leased to a pass that can run. */
import { type DeliveryId, type Lane, lanes } from '@herald/contracts';
import type { Sql } from '@herald/platform';
import type { Delivery, LastReason, Pass, Trigger } from './delivery.js';

export interface LeasedRow {
  readonly delivery_id: DeliveryId;
  readonly accepted_at: Date;
  readonly lane: number;
  readonly fence: number;
  readonly pass: number;
  readonly spent: number;
  readonly was_ambiguous: boolean;
  readonly last_at: Date;
  readonly last_reason: LastReason;
}

export const leasedColumns = (table: string): string =>
  ['delivery_id', 'accepted_at', 'lane', 'fence', 'pass', 'spent', 'was_ambiguous', 'last_at', 'last_reason']
    .map((column) => `${table}.${column}`)
    .join(', ');

const DELIVERIES = {
  name: 'delivery-rows',
  text: `select delivery_id as "deliveryId", accepted_at as "acceptedAt", message_id as "messageId", event_id as "eventId", account_id as "accountId",
           channel, destination_id as "destinationId", label, lane, category, subtype, severity, occurred_at as "occurredAt", expires_at as "expiresAt"
         from delivery.delivery where delivery_id = any($1::uuid[]) and accepted_at = any($2::timestamptz[])`,
};

/** `leaseEndsMs` is monotonic. An open row without its delivery (its partition was dropped) is left out. */
export async function toPasses(
  sql: Sql,
  rows: readonly LeasedRow[],
  leaseEndsMs: number,
  how: { readonly isProbe?: boolean; readonly hasTokens?: boolean } = {},
): Promise<Pass[]> {
  if (rows.length === 0) return [];
  const times = new Map(rows.map(({ accepted_at }) => [accepted_at.getTime(), accepted_at]));
  const { rows: found } = await sql.query<Delivery>(DELIVERIES, [
    rows.map(({ delivery_id }) => delivery_id),
    [...times.values()],
  ]);
  const deliveries = new Map(found.map((delivery) => [delivery.deliveryId, delivery]));
  return rows.flatMap((row) => {
    const delivery = deliveries.get(row.delivery_id);
    if (!delivery) return [];
    return {
      delivery: { ...delivery, lane: lanes[row.lane] as Lane },
      content: null,
      number: row.pass,
      fence: row.fence,
      spent: row.spent,
      wasAmbiguous: row.was_ambiguous,
      trigger: how.isProbe ? 'probe' : triggerOf(row),
      lastAtMs: row.last_at.getTime(),
      lastReason: row.last_reason,
      leaseEndsMs,
      hasTokens: how.hasTokens ?? false,
    };
  });
}

function triggerOf({ pass, spent }: LeasedRow): Trigger {
  if (spent > 0) return 'retry';
  return pass > 1 ? 'replay' : 'event';
}
