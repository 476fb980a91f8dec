/** Every delivery of every account: what became of it, trying it again, and giving it up. */
import {
  cancelDeliveries,
  type DeliverySelection,
  getDelivery,
  type InputOf,
  listDeliveries,
  replayDeliveries,
} from '@herald/contracts';
import { DeliveryChangeStore, DeliveryStore } from '@herald/delivery';
import { encodeCursor, Handles, Input, notFound, Problem } from '@herald/platform';
import { Controller } from '@nestjs/common';
import { placeCursor } from './list-cursor.js';

@Controller()
export class OpsDeliveriesController {
  constructor(
    private readonly deliveries: DeliveryStore,
    private readonly changes: DeliveryChangeStore,
  ) {}

  @Handles(listDeliveries)
  async list(@Input() { query }: InputOf<typeof listDeliveries>) {
    const { limit, cursor, ...filter } = query;
    const { items, next } = await this.deliveries.search(filter, limit, placeCursor(cursor));
    return { items, nextCursor: next && encodeCursor([next.at, next.id]) };
  }

  @Handles(getDelivery)
  async one(@Input() { params }: InputOf<typeof getDelivery>) {
    const delivery = await this.deliveries.find(params.id);
    if (!delivery) throw notFound();
    return delivery;
  }

  @Handles(replayDeliveries)
  replay(@Input() { body }: InputOf<typeof replayDeliveries>) {
    return this.changes.replay(meant(body));
  }

  @Handles(cancelDeliveries)
  cancel(@Input() { body }: InputOf<typeof cancelDeliveries>) {
    return this.changes.cancel(meant(body));
  }
}

/** A filter that names nothing would mean everything that there is: that is said, not left out. */
function meant(selection: DeliverySelection): DeliverySelection {
  if ('ids' in selection || Object.values(selection.filter).some((value) => value !== undefined)) return selection;
  throw new Problem(422, 'What was sent is not valid.', {
    errors: [{ path: '/filter', message: 'expected at least one of its fields' }],
  });
}
