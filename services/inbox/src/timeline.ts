/** What became of a message, destination by destination: decisions and deliveries put together. Pure. */
import type { Decision, Timeline } from '@herald/contracts';
import type { DeliveryRecord } from '@herald/delivery';
import type { MessageRow } from './message.store.js';

export function timelineOf(message: MessageRow, deliveries: readonly DeliveryRecord[]): Timeline {
  const byDestination = new Map(deliveries.map((delivery) => [delivery.destinationId as string, delivery]));
  return {
    acceptedAt: message.acceptedAt.toISOString(),
    routedAt: message.routedAt.toISOString(),
    destinations: message.decisions.map((decision) => destinationOf(decision, byDestination)),
  };
}

function destinationOf(decision: Decision, deliveries: ReadonlyMap<string, DeliveryRecord>): Timeline['destinations'][number] {
  const { channel, destinationId: id, label, reason } = decision;
  if (decision.decision === 'skip') return { channel, id, label, status: 'suppressed', ...(reason ? { reason } : {}), attempts: [] };
  if (channel === 'inbox') return { channel, id, label, status: 'delivered', attempts: [] };
  const delivery = id === null ? undefined : deliveries.get(id);
  if (!delivery) return { channel, id, label, status: 'queued', attempts: [] };
  return {
    channel,
    id,
    label,
    status: delivery.status,
    ...(delivery.reason ? { reason: delivery.reason } : {}),
    attempts: [...delivery.attempts],
    ...(delivery.nextAttemptAt ? { nextAttemptAt: delivery.nextAttemptAt } : {}),
  };
}
