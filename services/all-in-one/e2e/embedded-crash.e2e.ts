/** The process is ended the hard way ten times while a producer posts; what was accepted is there in the end, once. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { type Account, type Producer, until } from './client.js';
import { embeddedGround, type Ground } from './ground.js';

const KILLS = 10;
const POSTS_PER_SECOND = 200;
const POSTING_AT_MOST = 64;
const ACCOUNTS = 4;

interface Page {
  readonly items: readonly { readonly eventId: string }[];
  readonly nextCursor: string | null;
}

/** A receiver that outlives the process: how often each event came, and under which ids. */
class Receiver {
  readonly idsByEvent = new Map<string, Set<string>>();
  calls = 0;
  private readonly server: Server = createServer((request, response) => {
    let text = '';
    request.setEncoding('utf8').on('data', (chunk: string) => {
      text += chunk;
    });
    request.on('end', () => {
      const { eventId } = JSON.parse(text).data;
      const ids = this.idsByEvent.get(eventId) ?? new Set();
      this.idsByEvent.set(eventId, ids.add(String(request.headers['webhook-id'])));
      this.calls += 1;
      response.end();
    });
  });

  async start(): Promise<string> {
    await new Promise<void>((done) => this.server.listen(0, '127.0.0.1', done));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/hook`;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

/** Posts at an even pace, each event until it is accepted, always with its own key, as api.md tells producers to. */
class SteadyProducer {
  readonly accepted = new Map<string, string>();
  repeated = 0;
  private isPosting = true;
  private isGivenUp = false;
  private open = 0;
  private posted = 0;

  constructor(
    private readonly producer: Producer,
    private readonly accounts: readonly Account[],
  ) {}

  async run(): Promise<void> {
    const startedAt = performance.now();
    while (this.isPosting || this.open > 0) {
      const due = ((performance.now() - startedAt) / 1_000) * POSTS_PER_SECOND;
      while (this.isPosting && this.posted < due && this.open < POSTING_AT_MOST) void this.post(`key-${this.posted++}`);
      // Time that nobody could be reached in is not made up for.
      if (this.open >= POSTING_AT_MOST) this.posted = Math.max(this.posted, Math.floor(due));
      await pause(5);
    }
  }

  stop(): void {
    this.isPosting = false;
  }

  /** Also of what is not accepted yet. */
  giveUp(): void {
    this.stop();
    this.isGivenUp = true;
  }

  private async post(key: string): Promise<void> {
    this.open += 1;
    const account = this.accounts[this.posted % this.accounts.length]!;
    const event = {
      accountId: account.id,
      subtype: 'svc_bill',
      title: `Bill ${key}`,
      body: 'It is **ready**.',
      locale: 'en-US',
    };
    for (;;) {
      const answer = await this.producer.post(event, { headers: { 'idempotency-key': key } }).catch(() => null);
      if (answer?.status === 202) {
        this.accepted.set(answer.body.eventId, account.id);
        break;
      }
      if (answer && answer.status !== 503) throw new Error(`${answer.status}: ${JSON.stringify(answer.body)}`);
      if (this.isGivenUp) break;
      this.repeated += 1;
      await pause(100);
    }
    this.open -= 1;
  }
}

const pause = (ms: number) => new Promise((done) => setTimeout(done, ms));

describe('Herald, embedded, killed under load', () => {
  let ground: Ground;
  const receiver = new Receiver();

  let steady: SteadyProducer | undefined;

  beforeAll(async () => {
    ground = await embeddedGround();
  }, 270_000);
  afterAll(async () => {
    steady?.giveUp();
    receiver.stop();
    await ground?.stop();
  }, 60_000);

  async function messagesOf(account: Account): Promise<string[]> {
    const ids: string[] = [];
    for (let cursor: string | null = ''; cursor !== null; ) {
      const query: string = cursor === '' ? '' : `&cursor=${encodeURIComponent(cursor)}`;
      const page: Page = (await account.call(`/v1/messages?limit=100${query}`)).body;
      ids.push(...page.items.map(({ eventId }) => eventId));
      cursor = page.nextCursor;
    }
    return ids;
  }

  it(`loses nothing that was accepted, in ${KILLS} kills`, async () => {
    const url = await receiver.start();
    const accounts: Account[] = [];
    for (let index = 0; index < ACCOUNTS; index += 1) {
      const account = await ground.herald.account(`crash-${index}`);
      const { id } = await account.webhook({ name: 'outside', platform: 'webhook', url });
      await account.subscribe('svc_bill', { channels: { webhook: 1, email: 0 }, webhookIds: [id] });
      accounts.push(account);
    }
    const producer = await ground.herald.producer('steady');
    steady = new SteadyProducer(producer, accounts);
    const posting = steady.run();

    const downMs: number[] = [];
    for (let kill = 0; kill < KILLS; kill += 1) {
      await pause(500 + Math.random() * 3_000);
      const killedAt = performance.now();
      await ground.kill('all-in-one');
      downMs.push(Math.round(performance.now() - killedAt));
    }
    await pause(1_000);
    steady.stop();
    await posting;

    const { accepted, repeated } = steady;
    const quiet = async () => {
      const { gap, events, deliveries } = await ground.herald.ledger();
      const isRouted = events.accepted >= accepted.size && events.accepted === events.routed;
      return isRouted && gap === 0 && deliveries.inFlight === 0 && deliveries.scheduled === 0;
    };
    await until('every accepted event routed, its deliveries ended, and no gap', quiet, 180_000).catch(
      async (error) => {
        throw new Error(`${error.message}: ${JSON.stringify(await ground.herald.ledger())}`, { cause: error });
      },
    );

    const found = await Promise.all(accounts.map(messagesOf));
    const inInbox = found.flat();
    expect(inInbox.length).toBe(new Set(inInbox).size);
    const arrived = new Set(inInbox);
    expect([...accepted.keys()].filter((id) => !arrived.has(id))).toEqual([]);
    for (const [index, account] of accounts.entries()) {
      const { body } = await account.call('/v1/messages/unread-counts');
      expect(body.total).toBe(found[index]?.length);
    }

    const notEnded: string[] = [];
    const ids = [...accepted.keys()];
    while (ids.length > 0) {
      const states = await Promise.all(
        ids.splice(0, 32).map(async (id) => `${id} ${(await producer.event(id)).body.state}`),
      );
      notEnded.push(...states.filter((state) => !state.endsWith(' ended')));
    }
    expect(notEnded).toEqual([]);

    const received = [...accepted.keys()].map((id) => receiver.idsByEvent.get(id)?.size ?? 0);
    expect(received.filter((count) => count !== 1)).toEqual([]);
    const duplicates = receiver.calls - receiver.idsByEvent.size;
    const report = {
      kills: KILLS,
      accepted: accepted.size,
      repeated,
      duplicatesAtWebhooks: duplicates,
      lost: 0,
      downMs,
    };
    process.stdout.write(`embedded, killed under load: ${JSON.stringify(report)}\n`);
  }, 1_800_000);
});
