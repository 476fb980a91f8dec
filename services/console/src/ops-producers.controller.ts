/** Who may post events, and their keys. */
import { createKey, createProducer, deleteKey, findCategory, type InputOf, listProducers } from '@herald/contracts';
import { DatabaseClock, Handles, Input, notFound, Problem, pageFrom } from '@herald/platform';
import { ProducerStore } from '@herald/subscriptions';
import { Controller } from '@nestjs/common';
import { placeCursor } from './list-cursor.js';

@Controller()
export class OpsProducersController {
  constructor(
    private readonly producers: ProducerStore,
    private readonly clock: DatabaseClock,
  ) {}

  @Handles(listProducers)
  async list(@Input() { query }: InputOf<typeof listProducers>) {
    const rows = await this.producers.list(query.limit, placeCursor(query.cursor));
    return pageFrom(rows, query.limit, ({ createdAt, id }) => [createdAt, id]);
  }

  @Handles(createProducer)
  async create(@Input() { body }: InputOf<typeof createProducer>) {
    const errors = body.categories.flatMap((code, index) =>
      code === '*' || findCategory(code) ? [] : [{ path: `/categories/${index}`, message: 'is not a category' }],
    );
    if (errors.length > 0) throw new Problem(422, 'What was sent is not valid.', { errors });
    return this.producers.create(body.name, [...new Set(body.categories)], body.ratePerSecond ?? null);
  }

  @Handles(createKey)
  async createKey(@Input() { params, body }: InputOf<typeof createKey>) {
    if (body?.expiresAt !== undefined && new Date(body.expiresAt) <= this.clock.now()) {
      throw new Problem(422, 'What was sent is not valid.', {
        errors: [{ path: '/expiresAt', message: 'has passed' }],
      });
    }
    const key = await this.producers.createKey(params.id, body?.expiresAt ?? null);
    if (!key) throw notFound();
    return key;
  }

  @Handles(deleteKey)
  async revokeKey(@Input() { params }: InputOf<typeof deleteKey>) {
    if (!(await this.producers.revokeKey(params.id, params.keyId))) throw notFound();
  }
}
