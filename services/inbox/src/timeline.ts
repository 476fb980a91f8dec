/** What became of a message, destination by destination: decisions and deliveries put together. Pure. */
import type { Decision, Timeline } from '@herald/contracts';
import type { DeliveryRecord } from '@herald/delivery';
import type { MessageRow } from './message.store.js';

type Destination = Timeline['destinations'][number];

/** The inbox first. A delivery that the decisions don't name counts by itself (semantics 10): it is shown after them. */
export function timelineOf(
  message: Pick<MessageRow, 'acceptedAt' | 'routedAt' | 'decisions'>,
  deliveries: readonly DeliveryRecord[],
): Timeline {
  const open = new Map(deliveries.map((delivery) => [delivery.destinationId as string, delivery]));
  const decided = message.decisions.map((decision) => destinationOf(decision, open));
  return {
    acceptedAt: message.acceptedAt.toISOString(),
    routedAt: message.routedAt.toISOString(),
    destinations: [
      ...decided.filter(({ channel }) => channel === 'inbox'),
      ...decided.filter(({ channel }) => channel !== 'inbox'),
      ...[...open.values()].map((delivery) => delivered(delivery, delivery.channel, delivery.label)),
    ],
  };
}

/** Takes the delivery that it shows out of the open ones. */
function destinationOf(decision: Decision, open: Map<string, DeliveryRecord>): Destination {
  const { channel, destinationId: id, label, reason } = decision;
  const delivery = id === null ? undefined : open.get(id);
  if (delivery && id !== null) {
    open.delete(id);
    return delivered(delivery, channel, label);
  }
  if (decision.decision === 'skip')
    return { channel, id, label, status: 'suppressed', ...(reason ? { reason } : {}), attempts: [] };
  return { channel, id, label, status: channel === 'inbox' ? 'delivered' : 'queued', attempts: [] };
}

function delivered(delivery: DeliveryRecord, channel: string, label: string): Destination {
  return {
    channel,
    id: delivery.destinationId,
    label,
    status: delivery.status,
    ...(delivery.reason ? { reason: delivery.reason } : {}),
    attempts: [...delivery.attempts],
    ...(delivery.nextAttemptAt ? { nextAttemptAt: delivery.nextAttemptAt } : {}),
  };
}
