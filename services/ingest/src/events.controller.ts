/** Producers' calls. Answers and statuses as api.md; everything else is the intake's. */
import {
  BATCH_ITEMS_AT_MOST,
  batchSchema,
  EVENT_BODY_LIMIT,
  type EventIdentity,
  type EventState,
  getEvent,
  type InputOf,
  type Operation,
  postCloudEvents,
  postEvent,
  postEvents,
} from '@herald/contracts';
import {
  CallerOf,
  Handles,
  type HeraldRequest,
  Input,
  Problem,
  type ProducerCaller,
  unavailable,
  validate,
} from '@herald/platform';
import { Controller, Req, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { fromBinary, fromStructured } from './cloud-event.js';
import { type Accepted, EventIntake, type Post } from './event-intake.js';
import { EventProgressReader } from './event-progress-reader.js';

@Controller()
export class EventsController {
  constructor(
    private readonly intake: EventIntake,
    private readonly progress: EventProgressReader,
  ) {}

  @Handles(postEvent)
  async post(
    @Req() request: HeraldRequest,
    @CallerOf() producer: ProducerCaller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    refuseQuery(request);
    refuseType(request, postEvent);
    refuseTooLarge(request);
    const identity = headerKey(request);
    return answer(await this.intake.accept(producer, postOf(request, { body: request.body ?? {}, identity })), reply);
  }

  @Handles(postEvents)
  async postBatch(@Req() request: HeraldRequest, @CallerOf() producer: ProducerCaller) {
    refuseQuery(request);
    refuseType(request, postEvents);
    if (request.headers['idempotency-key'] !== undefined) {
      throw new Problem(422, 'A batch takes no Idempotency-Key: give each event an id.', {
        errors: [{ path: '/events', message: 'ids stand in the items' }],
      });
    }
    const { events } = validate(batchSchema, request.body ?? {});
    refuseTooMany(events);
    const posts = events.map((body) => postOf(request, { body, identity: null }));
    return resultsOf(await this.intake.acceptAll(producer, posts), '/events');
  }

  @Handles(postCloudEvents)
  async postCloudEvents(
    @Req() request: HeraldRequest,
    @CallerOf() producer: ProducerCaller,
    @Res({ passthrough: true }) reply: FastifyReply,
  ) {
    refuseQuery(request);
    const type = refuseType(request, postCloudEvents);
    if (type === 'application/cloudevents-batch+json') {
      const events = validate(batchSchema.shape.events, request.body ?? []);
      refuseTooMany(events);
      const posts = events.map((event) => readOrRefused(() => postOf(request, fromStructured(event))));
      return resultsOf(await this.intake.acceptAll(producer, posts), '');
    }
    refuseTooLarge(request);
    const isStructured = type === 'application/cloudevents+json';
    const post = isStructured ? fromStructured(request.body) : fromBinary(request.headers, request.body);
    return answer(await this.intake.accept(producer, postOf(request, post)), reply);
  }

  @Handles(getEvent)
  async event(@Input() input: InputOf<typeof getEvent>, @CallerOf() producer: ProducerCaller): Promise<EventState> {
    return this.progress.read(input.params.eventId, producer.producerId);
  }
}

function postOf(request: HeraldRequest, post: Pick<Post, 'body' | 'identity' | 'placeOf'>): Post {
  return { ...post, requestId: request.id, hasEscapes: request.heraldEscapes === true };
}

function answer({ eventId, isReplay }: Accepted, reply: FastifyReply) {
  if (isReplay) reply.header('idempotent-replayed', 'true');
  return { eventId, status: 'accepted' };
}

function readOrRefused(read: () => Post): Post | Problem {
  try {
    return read();
  } catch (error) {
    if (error instanceof Problem) return error;
    throw error;
  }
}

/** Items succeed and fail apart; where all fail the call does, and may be repeated where a repeat could help. */
function resultsOf(outcomes: readonly (Accepted | Problem)[], listAt: string) {
  const problems = outcomes.filter((outcome) => outcome instanceof Problem);
  if (problems.length < outcomes.length) {
    return {
      results: outcomes.map((outcome, index) =>
        outcome instanceof Problem
          ? { index, status: 'rejected', error: outcome.body }
          : { index, eventId: outcome.eventId, status: 'accepted' },
      ),
    };
  }
  const later = problems.find(({ status }) => status === 503) ?? problems.find(({ status }) => status === 429);
  if (later?.status === 503) throw unavailable('Nothing was accepted. Try again.', 2);
  if (later) throw later;
  throw new Problem(422, 'No event of the batch is valid.', {
    errors: problems.flatMap(({ body, message }, index) =>
      (body.errors ?? [{ path: '', message }]).map((error) => ({
        path: `${listAt}/${index}${error.path}`,
        message: error.message,
      })),
    ),
  });
}

function refuseQuery(request: HeraldRequest): void {
  const unknown = Object.keys(request.query as object);
  if (unknown.length === 0) return;
  throw new Problem(422, 'What was sent is not valid.', {
    errors: unknown.map((name) => ({ path: `/${name}`, message: 'is not known here' })),
  });
}

/** Answers the type without its parameters. The server reads types that only other calls take. */
function refuseType(request: HeraldRequest, { contentTypes = ['application/json'] }: Operation): string {
  const [type = ''] = (request.headers['content-type'] ?? '').split(';');
  const name = type.trim().toLowerCase();
  if (request.body === undefined || contentTypes.includes(name)) return name;
  throw new Problem(415, `Send ${contentTypes.join(' or ')}.`);
}

/** The route takes what a list of accounts may need; everything else stays below 256 KB. */
function refuseTooLarge(request: HeraldRequest): void {
  const length = Number(request.headers['content-length'] ?? Number.NaN);
  // Sent in chunks: the intake measures it without the white space.
  if (!(length > EVENT_BODY_LIMIT)) return;
  const audience = (request.body as { audience?: { accountIds?: unknown } | null } | null | undefined)?.audience;
  if (!Array.isArray(audience?.accountIds)) throw new Problem(413, 'An event takes at most 256 KB.');
}

function refuseTooMany(events: readonly unknown[]): void {
  if (events.length > BATCH_ITEMS_AT_MOST)
    throw new Problem(413, `A batch takes at most ${BATCH_ITEMS_AT_MOST} events.`);
}

function headerKey(request: HeraldRequest): EventIdentity | null {
  const key = request.headers['idempotency-key'];
  if (key === undefined) return null;
  if (typeof key !== 'string' || key.length === 0 || key.length > 255) {
    throw new Problem(422, 'What was sent is not valid.', {
      errors: [{ path: '/id', message: 'Idempotency-Key: expected 1 to 255 characters' }],
    });
  }
  return { kind: 'key', key };
}
