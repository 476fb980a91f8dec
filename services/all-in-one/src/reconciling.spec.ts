/** The router, the inbox and the scheduler together: what gets lost between them comes back, and every position is accounted for. */
import {
  type AccountId,
  allTopics,
  type EventAccepted,
  eventAccepted,
  eventId,
  type ProducerId,
} from '@herald/contracts';
import { LedgerStore } from '@herald/delivery';
import { InboxModule } from '@herald/inbox';
import { type Bus, Config, EmbeddedBus, InProcessSignals, KafkaBus, platformConfig } from '@herald/platform';
import { RouterModule } from '@herald/router';
import { SchedulerModule } from '@herald/scheduler';
import { AccountStore, SettingsFeed } from '@herald/subscriptions';
import {
  anId,
  describeWithServers,
  embeddedGround,
  type Ground,
  type HostedService,
  hostService,
  serverGround,
  silent,
} from '@herald/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Module } from '@nestjs/common';

@Module({ imports: [RouterModule, InboxModule, SchedulerModule] })
class Stages {}

const producerId = '00000000-0000-4000-8000-00000000000a' as ProducerId;
const topic = eventAccepted('normal');
const accepted = (key: string, fingerprint = 'f'): EventAccepted => ({
  v: 1,
  eventId: eventId(producerId, { kind: 'key', key }),
  producerId,
  acceptedAt: new Date(Date.now() - 60_000).toISOString(),
  fingerprint,
  audience: { accountId: 'acct-1' as AccountId },
  category: 'service',
  subtype: 'svc_bill',
  severity: 'info',
  lane: 'normal',
  content: {
    locale: 'en-US',
    title: key,
    body: 'body',
    translations: {},
    links: [],
    product: null,
    region: null,
    resourceIds: [],
    labels: {},
    dedupKey: null,
  },
  occurredAt: new Date().toISOString(),
  expiresAt: null,
  requestId: null,
});
/** The stages on one ground. */
function declare(open: () => Promise<{ ground: Ground; bus: Bus }>): void {
  let ground: Ground;
  let bus: Bus;
  let stages: HostedService;

  beforeAll(async () => {
    ({ ground, bus } = await open());
    const feed = new SettingsFeed(ground.database, new InProcessSignals(), silent);
    const owner = { email: 'owner@example.com', name: 'Olive Owner', passwordHash: null };
    await new AccountStore(ground.database, feed).create(
      { id: 'acct-1', name: 'Account', locale: 'en-US', timeZone: 'UTC', labels: {}, owner },
      'test',
    );
    await ground.database.query(`update settings.account set created_at = now() - interval '1 day'`);
    stages = await hostService(Stages as never, { database: ground.database, bus });
  }, 120_000);
  afterAll(async () => {
    await stages?.close();
    await bus?.close();
    await ground?.close();
  });

  const publish = (value: string) => bus.publish([{ topic, key: 'acct-1', value }]);
  const ledger = () => new LedgerStore(ground.database).read();
  const count = async (text: string) =>
    Object.values((await ground.database.query<Record<string, number>>(text)).rows[0]!)[0]!;

  async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
    for (const giveUpAt = Date.now() + 120_000; Date.now() < giveUpAt; ) {
      if (await holds()) return;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    throw new Error(`waited in vain for ${what}: ${JSON.stringify(await ledger())}`);
  }

  it('32, 33: after a repeat, a conflict, an unreadable record and a lost message, the ledger balances and the gap is 0', async () => {
    await publish(JSON.stringify(accepted('one')));
    await publish(JSON.stringify(accepted('two')));
    await publish(JSON.stringify(accepted('one')));
    await publish(JSON.stringify(accepted('two', 'another body')));
    await publish('{');
    await until('both events routed', async () => (await ledger()).events.routed === 2);
    await until('both dead records', async () => (await count('select count(*)::int from bus.dead_record')) === 2);
    expect((await ledger()).events).toEqual({ accepted: 4, routed: 2, unreadable: 1, conflicting: 1, unrouted: 0 });

    await ground.database.transaction(async (tx) => {
      await tx.query('delete from inbox.message where event_id = $1', [accepted('one').eventId]);
      await tx.query(
        `insert into routing.ledger select date_trunc('hour', accepted_at), 'messages', -1 from routing.event where event_id = $1`,
        [accepted('one').eventId],
      );
    });
    await until('the message', async () => (await count('select count(*)::int from inbox.message')) === 2);
    await until('a reconciliation after it', async () => {
      const compared = await count('select coalesce(sum(next_offset), 0)::int from scheduler.compared');
      return compared === 6 && (await ledger()).gap === 0;
    });
    expect((await ledger()).events).toEqual({ accepted: 4, routed: 2, unreadable: 1, conflicting: 1, unrouted: 0 });
    expect(await count('select count(*)::int from routing.repeat')).toBe(2);
  }, 200_000);
}

describe('on the embedded ground', () =>
  declare(async () => {
    const ground = await embeddedGround();
    return { ground, bus: new EmbeddedBus(ground.database, 3) };
  }));

describeWithServers('on Kafka and PostgreSQL', ({ kafka }) =>
  declare(async () => {
    const config = Config.read([platformConfig], {
      HERALD_KAFKA_BROKERS: kafka,
      HERALD_KAFKA_PREFIX: `${anId('test')}.`,
      HERALD_KAFKA_PARTITIONS: '3',
    });
    const bus = new KafkaBus('test', config.get(platformConfig), silent);
    await bus.ensureTopics(allTopics);
    return { ground: await serverGround(), bus };
  }),
);
