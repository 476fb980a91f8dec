/** Producers' calls. Answers and statuses as api.md; everything else is the intake's. */
import {
  BATCH_ITEMS_AT_MOST,
  batchSchema,
  EVENT_BODY_LIMIT,
  type EventIdentity,
  type EventState,
  getEvent,
  type InputOf,
  type ProblemBody,
  postCloudEvents,
  postEvent,
  postEvents,
} from '@herald/contracts';
import {
  CallerOf,
  Handles,
  type HeraldRequest,
  Input,
  isNotNow,
  Problem,
  type ProducerCaller,
  refuseUnstorable,
  unavailable,
  validate,
} from '@herald/platform';
import { Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { EventIntake, type Post } from './event-intake.js';
import { EventProgressReader } from './event-progress-reader.js';

interface Result {
  readonly index: number;
  readonly eventId?: string;
  readonly status: 'accepted' | 'rejected';
  readonly error?: ProblemBody;
}

@Controller()
export class EventsController {
  constructor(
    private readonly intake: EventIntake,
    private readonly progress: EventProgressReader,
  ) {}

  @Handles(postEvent)
  async post(@Req() request: HeraldRequest, @CallerOf() producer: ProducerCaller, @Res({ passthrough: true }) reply: FastifyReply) {
    refuseQuery(request);
    refuseTooLarge(request);
    if (request.heraldEscapes) refuseUnstorable(request.body);
    const { eventId, isReplay } = await this.intake.accept(producer, {
      body: request.body ?? {},
      identity: headerKey(request),
      requestId: request.id,
    });
    if (isReplay) reply.header('idempotent-replayed', 'true');
    return { eventId, status: 'accepted' };
  }

  @Handles(postEvents)
  async postBatch(@Req() request: HeraldRequest, @CallerOf() producer: ProducerCaller) {
    refuseQuery(request);
    if (request.headers['idempotency-key'] !== undefined) {
      throw new Problem(422, 'A batch takes no Idempotency-Key: give each event an id.', {
        errors: [{ path: '/events', message: 'ids stand in the items' }],
      });
    }
    const { events } = validate(batchSchema, request.body ?? {});
    return this.batch(request, producer, events, (body) => ({ body, identity: null, requestId: request.id }));
  }

  @Handles(postCloudEvents)
  async postCloudEvents(@Req() request: HeraldRequest, @CallerOf() producer: ProducerCaller, @Res({ passthrough: true }) reply: FastifyReply) {
    refuseQuery(request);
    const { fromBinary, fromStructured } = await import('./cloud-event.js');
    const type = request.headers['content-type'] ?? '';
    if (type.startsWith('application/cloudevents-batch+json')) {
      const events = validate(batchSchema.shape.events, request.body ?? []);
      return this.batch(request, producer, events, (value) => ({ ...fromStructured(value), requestId: request.id }));
    }
    refuseTooLarge(request);
    if (request.heraldEscapes) refuseUnstorable(request.body);
    const post = type.startsWith('application/cloudevents+json') ? fromStructured(request.body) : fromBinary(request.headers, request.body);
    const { eventId, isReplay } = await this.intake.accept(producer, { ...post, requestId: request.id });
    if (isReplay) reply.header('idempotent-replayed', 'true');
    return { eventId, status: 'accepted' };
  }

  @Handles(getEvent)
  async event(@Input() input: InputOf<typeof getEvent>, @CallerOf() producer: ProducerCaller): Promise<EventState> {
    return this.progress.read(input.params.eventId, producer.producerId);
  }

  /** Items succeed and fail apart; where all fail the call does. Where the bus is away nothing is said to be accepted. */
  private async batch(request: HeraldRequest, producer: ProducerCaller, events: readonly unknown[], toPost: (event: unknown) => Post) {
    if (events.length > BATCH_ITEMS_AT_MOST) throw new Problem(413, `A batch takes at most ${BATCH_ITEMS_AT_MOST} events.`);
    const results = await Promise.all(
      events.map(async (event, index): Promise<Result> => {
        try {
          if (request.heraldEscapes) refuseUnstorable(event);
          const { eventId } = await this.intake.accept(producer, toPost(event));
          return { index, eventId, status: 'accepted' };
        } catch (error) {
          if (error instanceof Problem) return { index, status: 'rejected', error: error.body };
          if (isNotNow(error)) return { index, status: 'rejected', error: unavailable('Not available right now. Try again.').body };
          throw error;
        }
      }),
    );
    if (results.some(({ status }) => status === 'accepted')) return { results };
    if (results.some(({ error }) => error?.status === 503)) throw unavailable('Nothing was accepted. Try again.', 2);
    throw new Problem(422, 'No event of the batch is valid.', {
      errors: results.flatMap(({ index, error }) =>
        (error?.errors ?? [{ path: '', message: error?.detail ?? error?.title ?? '' }]).map(({ path, message }) => ({ path: `/events/${index}${path}`, message })),
      ),
    });
  }
}

function refuseQuery(request: HeraldRequest): void {
  const [unknown] = Object.keys(request.query as object);
  if (unknown !== undefined) {
    throw new Problem(422, 'What was sent is not valid.', { errors: [{ path: `/${unknown}`, message: 'is not known here' }] });
  }
}

/** 256 KB, or 1 MB with a list of accounts: the route takes the larger, this tells them apart. */
function refuseTooLarge(request: HeraldRequest): void {
  const audience = (request.body as { audience?: { accountIds?: unknown } } | undefined)?.audience;
  const length = Number(request.headers['content-length'] ?? 0) || JSON.stringify(request.body ?? '').length;
  if (length > EVENT_BODY_LIMIT && !Array.isArray(audience?.accountIds)) {
    throw new Problem(413, 'An event takes at most 256 KB.');
  }
}

function headerKey(request: HeraldRequest): EventIdentity | null {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key !== 'string' || key.length === 0 || key.length > 255) {
    throw new Problem(422, 'What was sent is not valid.', { errors: [{ path: '/id', message: 'Idempotency-Key: expected 1 to 255 characters' }] });
  }
  return { kind: 'key', key };
}
