/** The inbox on the real database: order, counts and tombstones, also while several write at once. */
import {
  type AccountId,
  type EventId,
  type MessageId,
  type MessageRouted,
  messageFilterSchema,
  messageId,
} from '@herald/contracts';
import { anId, embedded, type Ground, servers } from '@herald/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { type Change, MessageStore } from './message.store.js';

let serial = 0;
const all = messageFilterSchema.parse({});
const filterOf = (filter: Record<string, unknown>) => messageFilterSchema.parse(filter);

describe.each([embedded, ...servers])('the inbox, on $name', ({ open }) => {
  let ground: Ground;
  let store: MessageStore;
  let account: AccountId;

  beforeAll(async () => {
    ground = await open();
    store = new MessageStore(ground.database);
  });

  afterAll(async () => {
    await ground?.close();
  });

  beforeEach(() => {
    account = anId('acct') as AccountId;
  });

  interface Told {
    category?: string;
    subtype?: string;
    severity?: string;
    product?: string | null;
    hidden?: boolean;
    title?: string;
    body?: string;
    translations?: Record<string, { title: string; body: string }>;
    acceptedAt?: Date;
    account?: AccountId;
    eventId?: EventId;
    decisions?: unknown[];
  }

  /** A routed message of an event that is stored. */
  function aMessage(told: Told = {}): MessageRouted & { content: unknown } {
    serial += 1;
    const eventId = told.eventId ?? (`6f0b7f2c-9c3e-5f6e-8b1a-${serial.toString(16).padStart(12, '0')}` as EventId);
    const accountId = told.account ?? account;
    const acceptedAt = (told.acceptedAt ?? new Date()).toISOString();
    return {
      v: 1,
      messageId: messageId(eventId, accountId),
      eventId,
      accountId,
      acceptedAt,
      routedAt: acceptedAt,
      category: told.category ?? 'service',
      subtype: told.subtype ?? 'svc_bill',
      severity: (told.severity ?? 'info') as MessageRouted['severity'],
      lane: 'normal',
      product: told.product ?? null,
      hidden: told.hidden ?? false,
      decisions: (told.decisions ?? []) as MessageRouted['decisions'],
      content: {
        locale: 'en-US',
        title: told.title ?? 'Bill',
        body: told.body ?? 'Ready',
        translations: told.translations ?? {},
        links: [],
        product: told.product ?? null,
        region: null,
        resourceIds: [],
        labels: {},
        dedupKey: null,
      },
    };
  }

  async function arrive(...messages: ReturnType<typeof aMessage>[]): Promise<MessageId[]> {
    await ground.database.query(
      `insert into routing.event (event_id, accepted_at, producer_id, fingerprint, audience, category, subtype, severity, lane, content,
         occurred_at, expected, topic, partition, record_offset)
       select event_id, now(), gen_random_uuid(), '', '{}', 'service', 'svc_bill', 'info', 'normal', content, now(), 1, 't', 0, 0
       from unnest($1::uuid[], $2::json[]) as e (event_id, content) on conflict do nothing`,
      [messages.map(({ eventId }) => eventId), messages.map(({ content }) => JSON.stringify(content))],
    );
    await store.store(messages);
    return messages.map(({ messageId: id }) => id);
  }

  const many = (count: number, told: Told = {}) => Array.from({ length: count }, () => aMessage(told));
  const idsOf = async (filter: Record<string, unknown> = {}, limit = 100) =>
    (await store.list(account, filterOf(filter), limit, null)).map(({ id }) => id);
  const counts = () => store.unreadCounts(account);
  /** What the counts must be. */
  const counted = async () =>
    Object.fromEntries(
      (
        await ground.database.query<{ category: string; n: number }>(
          `select category, count(*) as n from inbox.message
           where account_id = $1 and read_at is null and deleted_at is null and not hidden group by category`,
          [account],
        )
      ).rows.map(({ category, n }) => [category, n]),
    );
  const change = (kind: Change, filter: Record<string, unknown>, before: string) =>
    store.seqOf(account, before).then((seq) => store.changeByFilter(account, kind, filterOf(filter), seq!));

  describe('arrival', () => {
    it('34: the newest arrival stands first, whatever time its event bears', async () => {
      const old = new Date('2020-01-01T00:00:00Z');
      const [first, second, third] = [aMessage(), aMessage({ acceptedAt: old }), aMessage()];
      await arrive(first);
      await arrive(second, third);
      expect(await idsOf()).toEqual([third, second, first].map(({ messageId: id }) => id));
      const rows = await store.list(account, all, 100, null);
      expect(rows.map(({ seq }) => seq)).toEqual([3, 2, 1]);
    });

    it('34: is counted and numbered once, however often it comes', async () => {
      const message = aMessage();
      await arrive(message, message, aMessage());
      await arrive(message);
      await Promise.all([arrive(message), arrive(message, aMessage())]);
      expect((await store.list(account, all, 100, null)).map(({ seq }) => seq)).toEqual([3, 2, 1]);
      expect(await counts()).toEqual({ service: 3 });
    });

    it('10: what was stored first keeps its decisions', async () => {
      const decisions = [{ channel: 'inbox', destinationId: null, label: '', decision: 'send', reason: null }];
      const message = aMessage({ decisions });
      await arrive(message);
      await arrive({ ...message, decisions: [], hidden: true, routedAt: '2030-01-01T00:00:00.000Z' });
      const found = await store.find(account, message.messageId);
      expect(found?.decisions).toEqual(decisions);
      expect(found?.routedAt.toISOString()).toBe(message.routedAt);
    });

    it('34: numbers become visible in order under concurrent writers', async () => {
      const other = anId('acct') as AccountId;
      const databases = [ground.database, ground.another(), ground.another()];
      const writers = databases.map((database) => new MessageStore(database));
      let isWriting = true;
      const seen: number[] = [];
      const watching = (async () => {
        let highest = 0;
        while (isWriting) {
          const { rows } = await ground.database.query<{ n: number; top: number }>(
            'select count(*) as n, coalesce(max(seq), 0) as top from inbox.message where account_id = $1',
            [account],
          );
          const { n, top } = rows[0]!;
          // Without gaps below the highest: whoever saw it has seen all.
          seen.push(top - n);
          expect(top).toBeGreaterThanOrEqual(highest);
          highest = top;
        }
      })();
      await Promise.all(
        writers.map(async (writer) => {
          for (let round = 0; round < 15; round += 1) {
            await writer.store([...many(5), ...many(3, { account: other }), ...many(2)]);
          }
        }),
      );
      isWriting = false;
      await watching;
      expect(new Set(seen)).toEqual(new Set([0]));
      expect(await counts()).toEqual({ service: 3 * 15 * 7 });
    });

    it('32: sums messages and decided deliveries once, by the hour of acceptance', async () => {
      const hour = new Date('2021-05-05T05:30:00Z');
      const decisions = [
        { channel: 'inbox', destinationId: null, label: '', decision: 'send', reason: null },
        { channel: 'slack', destinationId: 'a', label: '', decision: 'send', reason: null },
        { channel: 'email', destinationId: null, label: '', decision: 'skip', reason: 'NO_RECIPIENT' },
      ];
      const sums = async () =>
        (
          await ground.database.query<{ kind: string; n: number }>(
            `select kind, sum(count) as n from routing.ledger where hour = '2021-05-05T05:00:00Z' group by kind order by kind`,
          )
        ).rows;
      const messages = many(2, { acceptedAt: hour, decisions, hidden: true });
      await arrive(...messages);
      await arrive(...messages);
      expect(await sums()).toEqual([
        { kind: 'decided', n: 2 },
        { kind: 'messages', n: 2 },
      ]);
    });
  });

  describe('lists', () => {
    it('34: pages go by arrival; what arrives meanwhile lies above', async () => {
      const ids = await arrive(...many(5));
      const page = await store.list(account, all, 2, null);
      expect(page).toHaveLength(3);
      await arrive(aMessage());
      const rest = await store.list(account, all, 10, page[1]!.seq);
      expect(rest.map(({ id }) => id)).toEqual(ids.slice(0, 3).reverse());
    });

    it('filter by what the message is', async () => {
      const [bill, contract, fault] = await arrive(
        aMessage(),
        aMessage({ subtype: 'svc_contract', product: 'ecs' }),
        aMessage({ category: 'exception', subtype: 'exc_ecs_fault', severity: 'critical' }),
      );
      await store.changeByIds(account, 'read', [bill!]);
      expect(await idsOf({ category: 'service' })).toEqual([contract, bill]);
      expect(await idsOf({ subtype: 'svc_contract' })).toEqual([contract]);
      expect(await idsOf({ severity: 'critical' })).toEqual([fault]);
      expect(await idsOf({ product: 'ecs' })).toEqual([contract]);
      expect(await idsOf({ status: 'read' })).toEqual([bill]);
      expect(await idsOf({ status: 'unread', category: 'service' })).toEqual([contract]);
      expect(await idsOf({ category: 'security' })).toEqual([]);
    });

    it('filter by when it was received, from a time on and before another', async () => {
      const ids = await arrive(...many(3));
      for (const [index, id] of ids.entries()) {
        await ground.database.query(`update inbox.message set received_at = $2 where message_id = $1`, [
          id,
          `2026-01-0${index + 1}T00:00:00Z`,
        ]);
      }
      expect(await idsOf({ after: '2026-01-02T00:00:00Z' })).toEqual([ids[2], ids[1]]);
      expect(await idsOf({ before: '2026-01-02T00:00:00Z' })).toEqual([ids[0]]);
      expect(await idsOf({ after: '2026-01-02T08:00:00+08:00', before: '2026-01-03T00:00:00Z' })).toEqual([ids[1]]);
    });

    it('search every stored language, whatever the case', async () => {
      const translations = { 'zh-CN': { title: '账单', body: '已出账' } };
      const [one, two] = await arrive(
        aMessage({ title: 'October BILL', translations }),
        aMessage({ title: 'Other', body: '100% of\nit_' }),
      );
      expect(await idsOf({ q: 'october bill' })).toEqual([one]);
      expect(await idsOf({ q: '出账' })).toEqual([one]);
      expect(await idsOf({ q: '% of' })).toEqual([two]);
      expect(await idsOf({ q: 'it_' })).toEqual([two]);
      expect(await idsOf({ q: '' })).toHaveLength(2);
      expect(await idsOf({ q: 'zh-CN' })).toEqual([]);
    });

    it('never show what is hidden, deleted or somebody else’s', async () => {
      const other = anId('acct') as AccountId;
      const [hidden, deleted, foreign, mine] = await arrive(
        aMessage({ hidden: true }),
        aMessage(),
        aMessage({ account: other }),
        aMessage(),
      );
      await store.changeByIds(account, 'delete', [deleted!]);
      expect(await idsOf()).toEqual([mine]);
      for (const id of [hidden!, deleted!, foreign!]) expect(await store.find(account, id)).toBeNull();
      expect((await store.find(account, mine!))?.id).toBe(mine);
    });
  });

  describe('deleting', () => {
    it('35: leaves a tombstone, so that it doesn’t come back when its event is routed again', async () => {
      const message = aMessage();
      await arrive(message);
      expect(await store.changeByIds(account, 'delete', [message.messageId])).toBe(1);
      await arrive(message);
      expect(await idsOf()).toEqual([]);
      expect(await counts()).toEqual({});
      expect(await store.changeByIds(account, 'delete', [message.messageId])).toBe(0);
      expect(await store.changeByIds(account, 'unread', [message.messageId])).toBe(0);
      expect(await store.seqOf(account, message.messageId)).toBe(1);
    });
  });

  describe('changes', () => {
    it('36: of single messages are counted once', async () => {
      const [a, b, c] = await arrive(aMessage(), aMessage(), aMessage({ category: 'security' }));
      expect(await counts()).toEqual({ service: 2, security: 1 });
      expect(await store.changeByIds(account, 'read', [a!, c!])).toBe(2);
      expect(await store.changeByIds(account, 'read', [a!, b!])).toBe(1);
      expect(await counts()).toEqual({});
      expect(await store.changeByIds(account, 'unread', [a!])).toBe(1);
      expect(await store.changeByIds(account, 'delete', [a!, b!])).toBe(2);
      expect(await counts()).toEqual({});
      await store.changeByIds(account, 'unread', [c!]);
      expect(await counts()).toEqual({ security: 1 });
    });

    it('of foreign, hidden and unknown ids change nothing', async () => {
      const other = anId('acct') as AccountId;
      const [foreign, hidden] = await arrive(aMessage({ account: other }), aMessage({ hidden: true }));
      expect(
        await store.changeByIds(account, 'read', [foreign!, hidden!, '6f0b7f2c-9c3e-5f6e-8b1a-1f2e3d4c5b6a']),
      ).toBe(0);
      expect(await store.seqOf(account, foreign!)).toBeNull();
      expect(await store.unreadCounts(other)).toEqual({ service: 1 });
    });

    it('34: by filter end at the watermark, inclusive; what arrived later is not touched', async () => {
      const [first, seen, later] = await arrive(aMessage(), aMessage(), aMessage());
      expect(await change('read', {}, seen!)).toBe(2);
      expect(await idsOf({ status: 'unread' })).toEqual([later]);
      expect(await idsOf({ status: 'read' })).toEqual([seen, first]);
      expect(await change('read', {}, seen!)).toBe(0);
    });

    it('36: by filter work in chunks, and the counts stay exact when they are folded', async () => {
      const ids = await arrive(...many(2_300), ...many(200, { category: 'security' }));
      expect(await change('read', { category: 'service' }, ids.at(-1)!)).toBe(2_300);
      expect(await counts()).toEqual({ security: 200 });
      const deltas = async () =>
        (
          await ground.database.query<{ n: number }>(
            'select count(*) as n from inbox.unread_delta where account_id = $1',
            [account],
          )
        ).rows[0]!.n;
      expect(await deltas()).toBe(3);
      await store.foldUnread();
      expect(await deltas()).toBe(0);
      expect(await counts()).toEqual({ security: 200 });
      expect(await change('delete', { status: 'unread' }, ids.at(-1)!)).toBe(200);
      expect(await change('unread', { status: 'read', q: 'bill' }, ids.at(-1)!)).toBe(2_300);
      expect(await counts()).toEqual({ service: 2_300 });
    });

    it('36: counts stay exact while messages arrive, are changed and are folded at once', async () => {
      const databases = [ground.database, ground.another(), ground.another()];
      const [writer, changer, folder] = databases.map((database) => new MessageStore(database));
      const [anchor] = await arrive(aMessage());
      let isBusy = true;
      const folding = (async () => {
        while (isBusy) await folder!.foldUnread();
      })();
      await Promise.all([
        (async () => {
          for (let round = 0; round < 20; round += 1) await arrive(...many(7), ...many(3, { category: 'security' }));
        })(),
        (async () => {
          for (let round = 0; round < 12; round += 1) {
            const newest = (await idsOf({}, 1))[0] ?? anchor!;
            const kind: Change = (['read', 'unread', 'delete', 'read'] as const)[round % 4]!;
            const filter = kind === 'delete' ? { category: 'security', status: 'read' } : {};
            const seq = (await changer!.seqOf(account, newest))!;
            await changer!.changeByFilter(account, kind, filterOf(filter), seq);
          }
        })(),
        (async () => {
          for (let round = 0; round < 12; round += 1) {
            const ids = await idsOf({}, 20);
            await writer!.changeByIds(account, round % 2 ? 'read' : 'unread', [...ids].reverse());
          }
        })(),
      ]);
      isBusy = false;
      await folding;
      expect(await counts()).toEqual(await counted());
      await store.foldUnread();
      expect(await counts()).toEqual(await counted());
    }, 60_000);

    it('36: folding adds up many deltas of many accounts', async () => {
      const others = Array.from({ length: 30 }, () => anId('acct') as AccountId);
      for (const other of others) {
        const [a, b] = await arrive(...many(2, { account: other }));
        await store.changeByIds(other, 'read', [a!]);
        await store.changeByIds(other, 'read', [b!]);
        await store.changeByIds(other, 'unread', [b!]);
      }
      await store.foldUnread();
      for (const other of others) expect(await store.unreadCounts(other)).toEqual({ service: 1 });
    });
  });
});
