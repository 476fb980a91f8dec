/** All time-driven work, in one place. */
import { randomUUID } from 'node:crypto';
import { LedgerStore } from '@herald/delivery';
import type { Bus, Database, DatabaseClock, Logger, Metrics } from '@herald/platform';
import type { EventStore, VerificationStore, WebhookHealthStore } from '@herald/subscriptions';
import type { Duty } from './duty.js';
import { FailingStore } from './failing/failing.store.js';
import { FailingDestinations } from './failing/failing-destinations.js';
import { LedgerFolding, LedgerGauges } from './ledger-duties.js';
import { PositionStore } from './reconciling/position.store.js';
import { PositionCheck } from './reconciling/position-check.js';
import { Reconciler } from './reconciling/reconciler.js';
import { ReconciliationStore } from './reconciling/reconciliation.store.js';
import { DeliveryPartitions } from './retention/delivery-partitions.js';
import { DeliveryRetentionStore } from './retention/delivery-retention.store.js';
import { Leftovers } from './retention/leftovers.js';
import { LeftoverStore } from './retention/leftovers.store.js';
import { MessageRetentionStore } from './retention/message-retention.store.js';
import { MessageRetention } from './retention/messages.js';
import { ProviderTexts } from './retention/provider-texts.js';

/** Names this process among those that share the work. */
export const aHolder = (): string => randomUUID();

export interface DutyParts {
  readonly database: Database;
  readonly bus: Bus;
  readonly clock: DatabaseClock;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly events: EventStore;
  readonly verifications: VerificationStore;
  readonly webhooks: WebhookHealthStore;
}

export function allDuties({
  database,
  bus,
  clock,
  metrics,
  logger,
  events,
  verifications,
  webhooks,
}: DutyParts): Duty[] {
  const ledger = new LedgerStore(database);
  const deliveries = new DeliveryRetentionStore(database);
  const positions = new PositionCheck({ bus, store: new PositionStore(database), logger });
  return [
    new DeliveryPartitions(deliveries, clock),
    new LedgerFolding(ledger),
    new LedgerGauges(ledger, metrics, clock),
    new Reconciler({ bus, store: new ReconciliationStore(database), events, positions, logger }),
    new FailingDestinations({ bus, store: new FailingStore(database), webhooks, clock, logger }),
    new MessageRetention(new MessageRetentionStore(database)),
    new ProviderTexts(deliveries, clock),
    new Leftovers(new LeftoverStore(database), verifications),
  ];
}
