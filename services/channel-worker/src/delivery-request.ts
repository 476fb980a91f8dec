/** From a record of the bus to a delivery and what it says. Throws where it can't be read. */
import { type Content, type DeliveryRequested, deliveryRequestedSchema } from '@herald/contracts';
import type { Delivery } from '@herald/delivery';

export interface DeliveryRequest {
  readonly delivery: Delivery;
  /** Null: to be read by event id. */
  readonly content: Content | null;
}

export function parseDeliveryRequest(value: string): DeliveryRequest {
  const { v: _, content, ...request }: DeliveryRequested = deliveryRequestedSchema.parse(JSON.parse(value));
  const delivery: Delivery = {
    ...request,
    acceptedAt: new Date(request.acceptedAt),
    occurredAt: new Date(request.occurredAt),
    expiresAt: request.expiresAt === null ? null : new Date(request.expiresAt),
  };
  return { delivery, content };
}
