/** Webhooks that don't work, of whatever account, and setting them going again. */
import {
  type AccountId,
  type DestinationView,
  enableDestination,
  type InputOf,
  listDestinations,
  resetBreaker,
} from '@herald/contracts';
import { CallerOf, Handles, Input, notFound, type PersonCaller, pageFrom } from '@herald/platform';
import { WebhookStore } from '@herald/subscriptions';
import { Controller } from '@nestjs/common';
import { authorOf } from './author.js';
import { DestinationStore } from './destination.store.js';
import { uuidCursor } from './list-cursor.js';

@Controller()
export class OpsDestinationsController {
  constructor(
    private readonly destinations: DestinationStore,
    private readonly webhooks: WebhookStore,
  ) {}

  @Handles(listDestinations)
  async list(@Input() { query }: InputOf<typeof listDestinations>) {
    const rows = await this.destinations.list(query.status, query.limit, uuidCursor(query.cursor));
    return pageFrom(rows, query.limit, ({ id }) => [id]);
  }

  @Handles(enableDestination)
  async enable(@Input() { params }: InputOf<typeof enableDestination>, @CallerOf() caller: PersonCaller) {
    const { accountId } = await this.find(params.id);
    const enabled = { status: 'enabled' as const };
    await this.webhooks.update(accountId as AccountId, params.id, () => enabled, authorOf(caller));
    return this.find(params.id);
  }

  @Handles(resetBreaker)
  async reset(@Input() { params }: InputOf<typeof resetBreaker>) {
    if (!(await this.destinations.resetBreaker(params.id))) throw notFound();
    return this.find(params.id);
  }

  private async find(id: string): Promise<DestinationView> {
    const destination = await this.destinations.find(id);
    if (!destination) throw notFound();
    return destination;
  }
}
