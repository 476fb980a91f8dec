/** Deliveries as people see them: searched, read with their attempts, replayed, cancelled. The worker's writes are outcome.store.ts. */
import type { AttemptView, DeliveryStatus, DestinationId, MessageId, Reason } from '@herald/contracts';
import type { Database } from '@herald/platform';
import type { AttemptRow } from './outcome.store.js';

/** A delivery beside its message: what the timeline shows. */
export interface DeliveryRecord {
  readonly destinationId: DestinationId;
  readonly status: DeliveryStatus;
  readonly reason: Reason | null;
  readonly attempts: readonly AttemptView[];
  /** ISO 8601; null where nothing is planned. */
  readonly nextAttemptAt: string | null;
}

interface MessageDeliveryRow {
  readonly destinationId: DestinationId;
  readonly status: DeliveryStatus;
  readonly reason: Reason | null;
  readonly attempts: AttemptRow[];
  readonly dueAt: Date | null;
}

export class DeliveryStore {
  constructor(private readonly database: Database) {}

  /** `acceptedAt` is the message's: it names the partition. */
  async forMessage(messageId: MessageId, acceptedAt: Date): Promise<DeliveryRecord[]> {
    const { rows } = await this.database.query<MessageDeliveryRow>(
      `select d.destination_id as "destinationId", d.status, d.reason, d.attempts, o.due_at as "dueAt"
       from delivery.delivery d left join delivery.open o on o.delivery_id = d.delivery_id
       where d.message_id = $1 and d.accepted_at = $2`,
      [messageId, acceptedAt],
    );
    return rows.map(({ attempts, dueAt, ...row }) => ({
      ...row,
      attempts: attempts.map(attemptView),
      nextAttemptAt: dueAt?.toISOString() ?? null,
    }));
  }
}

export function attemptView(row: AttemptRow, index: number): AttemptView {
  return {
    number: index + 1,
    startedAt: row.at,
    durationMs: row.ms,
    httpStatus: row.http ?? null,
    providerCode: row.code ?? null,
    providerMessage: row.text ?? null,
    error: row.error ?? null,
    retryAfterSeconds: row.after ?? null,
    trigger: row.by,
  };
}
