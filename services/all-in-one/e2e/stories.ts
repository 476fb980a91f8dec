/** What Herald does for the people around it, told once and lived on both grounds. */
import { randomBytes, randomUUID } from 'node:crypto';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { Webhook as StandardWebhook } from 'standardwebhooks';
import { type Account, call, expectStatus, type Herald, type Producer, type Sandbox, until } from './client.js';
import type { Ground } from './ground.js';

const START_WITHIN_MS = 270_000;
const bill = { subtype: 'svc_bill', title: 'Your bill of October', body: 'It is **ready**.', locale: 'en-US' };
const hex = (bytes: number) => randomBytes(bytes).toString('hex');

export function stories(name: string, begin: () => Promise<Ground>): void {
  describe(`Herald, ${name}`, () => {
    let ground: Ground;
    let herald: Herald;
    let sandbox: Sandbox;
    let producer: Producer;

    beforeAll(async () => {
      ground = await begin();
      ({ herald, sandbox } = ground);
      producer = await herald.producer('billing');
    }, START_WITHIN_MS);

    afterAll(async () => {
      await ground?.stop();
    }, 60_000);

    /** An account that hears of bills at one custom webhook and nowhere else but its inbox. */
    async function accountWithWebhook(): Promise<{ account: Account; path: string; webhook: any }> {
      const account = await herald.account(`acct-${hex(4)}`);
      const path = `/webhook/${hex(6)}`;
      const webhook = await account.webhook({ name: 'ours', platform: 'webhook', url: sandbox.reachedAt + path });
      await account.subscribe('svc_bill', { channels: { webhook: 1, email: 0 }, webhookIds: [webhook.id] });
      return { account, path, webhook };
    }

    const deliveriesOf = (eventId: string) => herald.deliveries(`eventId=${eventId}`);

    async function deliveryThatIs(status: string, eventId: string, withinMs = 20_000): Promise<any> {
      const found = await until(
        `delivery of ${eventId} ${status}`,
        async () => (await deliveriesOf(eventId)).find((delivery) => delivery.status === status),
        withinMs,
      );
      return herald.delivery(found.id);
    }

    it('tells an account on every channel, once, and shows it in the inbox', async () => {
      const account = await herald.account(`all-${hex(4)}`);
      const tokens = {
        dingtalk: hex(32),
        wecom: randomUUID(),
        lark: randomUUID(),
        slack: `T${hex(4)}/B${hex(4)}/${hex(12)}`,
      };
      const secret = `SEC${hex(16)}`;
      await sandbox.robot({ platform: 'dingtalk', token: tokens.dingtalk, secret, name: 'ding' });
      await sandbox.robot({ platform: 'wecom', token: tokens.wecom, name: 'wecom' });
      await sandbox.robot({ platform: 'lark', token: tokens.lark, secret: 'lark-secret', name: 'lark' });
      await sandbox.robot({ platform: 'slack', token: tokens.slack, name: 'slack' });
      const path = `/webhook/${hex(6)}`;
      const robots = [
        { platform: 'dingtalk', url: `https://oapi.dingtalk.com/robot/send?access_token=${tokens.dingtalk}`, secret },
        { platform: 'wecom', url: `https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=${tokens.wecom}` },
        { platform: 'lark', url: `https://open.feishu.cn/open-apis/bot/v2/hook/${tokens.lark}`, secret: 'lark-secret' },
        { platform: 'slack', url: `https://hooks.slack.com/services/${tokens.slack}` },
        { platform: 'webhook', url: sandbox.reachedAt + path },
      ];
      const webhooks = [];
      for (const robot of robots) webhooks.push(await account.webhook({ name: robot.platform, ...robot }));
      await account.subscribe('security', { channels: { webhook: 1 }, webhookIds: webhooks.map(({ id }) => id) });

      const eventId = await producer.emit({
        accountId: account.id,
        subtype: 'sec_account_security',
        severity: 'critical',
        title: 'Unusual sign-in',
        body: '**root** signed in from a new place: [see](https://example.com/a)',
        locale: 'en-US',
        links: [{ label: 'Open console', href: 'https://example.com/console' }],
      });

      const event = await until('every delivery ended', async () => {
        const answer = await producer.event(eventId);
        return answer.body.state === 'ended' && answer.body.deliveries.delivered === 6 ? answer.body : undefined;
      });
      expect(event).toMatchObject({ eventId, accounts: 1, messages: 1 });

      const items = await until('all six received', async () => {
        const all = (await sandbox.received('?limit=5000')).filter((item) =>
          JSON.stringify(item).includes('Unusual sign-in'),
        );
        return new Set(all.map(({ platform }) => platform)).size === 6 ? all : undefined;
      });
      expect(items.map(({ platform }) => platform).sort()).toEqual([
        'dingtalk',
        'lark',
        'mail',
        'slack',
        'webhook',
        'wecom',
      ]);

      const [received] = await sandbox.at(path);
      const verifier = new StandardWebhook(webhooks[4]?.secret ?? '');
      expect(verifier.verify(JSON.stringify(received.body), received.headers)).toMatchObject({
        type: 'message',
        data: { eventId, accountId: account.id, subtype: 'sec_account_security', severity: 'critical', test: false },
      });

      const [message] = await until('the inbox copy', async () => {
        const messages = await account.messages();
        return messages.length > 0 ? messages : undefined;
      });
      expect(message).toMatchObject({ eventId, title: 'Unusual sign-in', category: 'security', readAt: null });
      const timeline = await account.timeline(message.id);
      expect(timeline.destinations[0].channel).toBe('inbox');
      expect(timeline.destinations.filter(({ status }: any) => status === 'delivered').length).toBeGreaterThanOrEqual(
        6,
      );
      const counts = await account.call('/v1/messages/unread-counts');
      expect(counts.body).toMatchObject({ total: 1, byCategory: { security: 1 } });
    }, 60_000);

    it('sends nothing where the subscription is off, and says so', async () => {
      const { account, path } = await accountWithWebhook();
      await account.subscribe('svc_bill', { channels: { webhook: 0 } });
      // A change is in force within 2 s (semantics 37).
      await until('the change in force', async () => {
        const eventId = await producer.emit({ ...bill, accountId: account.id });
        const message = await until('the inbox copy', async () =>
          (await account.messages()).find((m) => m.eventId === eventId),
        );
        const { destinations } = await account.timeline(message.id);
        return destinations.find((d: any) => d.channel === 'webhook')?.reason === 'CHANNEL_OFF';
      });
      const before = (await sandbox.at(path)).length;
      const eventId = await producer.emit({ ...bill, accountId: account.id });
      await until('ended', async () => (await producer.event(eventId)).body.state === 'ended');
      expect((await sandbox.at(path)).length).toBe(before);
    });

    it('does not let a REQUIRED channel be turned off', async () => {
      const account = await herald.account(`req-${hex(4)}`);
      const current = await account.call('/v1/subscriptions/sec_account_security');
      expect(current.body.policy).toMatchObject({ inbox: -1, email: -1 });
      const answer = await account.call('/v1/subscriptions/sec_account_security', {
        method: 'PUT',
        body: { channels: { email: 0 }, revision: current.body.revision },
      });
      expect(answer.status).toBe(422);
      expect(answer.body.errors[0].path).toBe('/channels/email');
    });

    it('takes an equal post once, and refuses another body under the same key', async () => {
      const { account, path } = await accountWithWebhook();
      const event = { ...bill, accountId: account.id };
      const headers = { 'idempotency-key': `key-${hex(8)}` };
      const first = await expectStatus(202, producer.post(event, { headers }));
      expect(first.headers.get('idempotent-replayed')).toBeNull();
      const second = await expectStatus(202, producer.post(event, { headers }));
      expect(second.body.eventId).toBe(first.body.eventId);
      expect(second.headers.get('idempotent-replayed')).toBe('true');
      const other = await producer.post({ ...event, title: 'Another bill' }, { headers });
      expect(other.status).toBe(422);
      const concurrent = await Promise.all(
        Array.from({ length: 8 }, () => producer.post({ ...event, id: `race-${account.id}` })),
      );
      expect(new Set(concurrent.map(({ status, body }) => `${status} ${body.eventId}`)).size).toBe(1);
      await until('both received', async () => (await sandbox.at(path)).length >= 2);
      // Inbox and workers are stages of their own: neither waits for the other.
      await until('both in the inbox', async () => (await account.messages()).length >= 2);
      expect(await sandbox.at(path)).toHaveLength(2);
      expect(await account.messages()).toHaveLength(2);
    });

    it('takes the good items of a batch and names the faults of the bad ones', async () => {
      const { account } = await accountWithWebhook();
      const good = { ...bill, accountId: account.id };
      const events = [
        good,
        { ...good, subtype: 'nonsense' },
        { ...good, title: undefined },
        { ...good, accountId: 'nobody' },
        good,
      ];
      const url = `${herald.url}/v1/events/batch`;
      const answer = await expectStatus(202, call(url, { body: { events }, token: producer.key }));
      expect(answer.body.results.map(({ index, status }: any) => `${index} ${status}`)).toEqual([
        '0 accepted',
        '1 rejected',
        '2 rejected',
        '3 rejected',
        '4 accepted',
      ]);
      expect(answer.body.results[1].error.errors[0].path).toBe('/subtype');
      await until('two messages', async () => (await account.messages()).length === 2);
      const bad = await call(url, { body: { events: [{}] }, token: producer.key });
      expect(bad.status).toBe(422);
    });

    it('takes CloudEvents in three modes, as one event', async () => {
      const { account } = await accountWithWebhook();
      const url = `${herald.url}/v1/cloudevents`;
      const id = hex(8);
      const attributes = { specversion: '1.0', id, source: '/billing', type: 'svc_bill', subject: account.id };
      const data = { title: bill.title, body: bill.body, locale: 'en-US' };
      const post = (contentType: string, body: unknown, more: Record<string, string> = {}) =>
        call(url, { body, token: producer.key, headers: { 'content-type': contentType, ...more } });

      const structured = await post('application/cloudevents+json', {
        ...attributes,
        datacontenttype: 'application/json',
        data,
      });
      expect(structured.status).toBe(202);
      const binary = await post(
        'application/json',
        data,
        Object.fromEntries(Object.entries(attributes).map(([key, value]) => [`ce-${key}`, value])),
      );
      expect(binary).toMatchObject({ status: 202, body: { eventId: structured.body.eventId } });
      const batched = await post('application/cloudevents-batch+json', [
        { ...attributes, data },
        { ...attributes, id: `${id}-2`, data },
      ]);
      expect(batched.status).toBe(202);
      expect(batched.body.results[0].eventId).toBe(structured.body.eventId);
      await until('two messages', async () => (await account.messages()).length === 2);
    });

    it('tries again when a provider fails, with the same id', async () => {
      const { account, path } = await accountWithWebhook();
      await sandbox.fault({ path, kind: 'status', status: 500, times: 2 });
      const eventId = await producer.emit({ ...bill, accountId: account.id });
      const delivery = await deliveryThatIs('delivered', eventId);
      expect(delivery.attempts.map(({ number, httpStatus }: any) => [number, httpStatus])).toEqual([
        [1, 500],
        [2, 500],
        [3, 200],
      ]);
      const ids = (await sandbox.at(path)).map(({ headers }) => headers['webhook-id']);
      expect(new Set(ids)).toEqual(new Set([delivery.id]));
    });

    it('waits at 429 exactly as long as Retry-After says', async () => {
      const { account, path } = await accountWithWebhook();
      await sandbox.fault({ path, kind: 'status', status: 429, headers: { 'retry-after': '4' }, times: 1 });
      const eventId = await producer.emit({ ...bill, accountId: account.id });
      const delivery = await deliveryThatIs('delivered', eventId);
      const [first, second] = await sandbox.at(path);
      const waitedMs = Date.parse(second.at) - Date.parse(first.at);
      expect(waitedMs).toBeGreaterThanOrEqual(3_990);
      expect(waitedMs).toBeLessThan(5_500);
      expect(delivery.attempts[0]).toMatchObject({ httpStatus: 429, retryAfterSeconds: 4 });
    });

    it('does not take HTTP 200 for success at DingTalk, WeCom and Lark', async () => {
      const account = await herald.account(`codes-${hex(4)}`);
      // The platforms do not know these tokens: they answer 200 with their own codes.
      const robots = [
        { platform: 'dingtalk', url: `https://oapi.dingtalk.com/robot/send?access_token=${hex(32)}` },
        { platform: 'wecom', url: `https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=${randomUUID()}` },
        { platform: 'lark', url: `https://open.feishu.cn/open-apis/bot/v2/hook/${randomUUID()}` },
      ];
      const webhooks = [];
      for (const robot of robots) webhooks.push(await account.webhook({ name: robot.platform, ...robot }));
      await account.subscribe('svc_bill', {
        channels: { webhook: 1, email: 0 },
        webhookIds: webhooks.map(({ id }) => id),
      });
      const eventId = await producer.emit({ ...bill, accountId: account.id });
      const deliveries = await until('three dead deliveries', async () => {
        const dead = (await deliveriesOf(eventId)).filter(({ status }) => status === 'dead');
        return dead.length === 3 ? dead : undefined;
      });
      for (const { id } of deliveries) {
        const { attempts, reason } = await herald.delivery(id);
        expect(reason).toBe('REJECTED');
        expect(attempts[0].httpStatus).toBe(200);
        expect(attempts[0].providerCode).not.toBe('0');
      }
    });

    it('disables a webhook that answers 410', async () => {
      const { account, path, webhook } = await accountWithWebhook();
      await sandbox.fault({ path, kind: 'status', status: 410, times: 1 });
      const eventId = await producer.emit({ ...bill, accountId: account.id });
      await deliveryThatIs('dead', eventId);
      await until('the webhook disabled', async () => {
        const answer = await account.call(`/v1/webhooks/${webhook.id}`);
        return answer.body.status === 'disabled';
      });
    });

    it('does not wait for an endpoint that hangs', async () => {
      const { account, path } = await accountWithWebhook();
      const quick = await accountWithWebhook();
      await sandbox.fault({ path, kind: 'hang', times: 1 });
      const hanging = await producer.emit({ ...bill, accountId: account.id });
      await until('the call held', async () => (await sandbox.at(path)).length >= 1);
      const fine = await producer.emit({ ...bill, accountId: quick.account.id });
      await deliveryThatIs('delivered', fine, 2_500);
      const delivery = await deliveryThatIs('delivered', hanging);
      expect(delivery.attempts[0].error ?? delivery.attempts[0].providerCode).toMatch(/time/i);
    });

    it('cuts what is longer than a channel takes, and links to the whole', async () => {
      const account = await herald.account(`long-${hex(4)}`);
      const wecom = randomUUID();
      const dingtalk = hex(32);
      await sandbox.robot({ platform: 'wecom', token: wecom, name: 'long wecom' });
      await sandbox.robot({ platform: 'dingtalk', token: dingtalk, name: 'long ding' });
      const webhooks = [
        await account.webhook({
          name: 'w',
          platform: 'wecom',
          url: `https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=${wecom}`,
        }),
        await account.webhook({
          name: 'd',
          platform: 'dingtalk',
          url: `https://oapi.dingtalk.com/robot/send?access_token=${dingtalk}`,
        }),
      ];
      await account.subscribe('svc_bill', {
        channels: { webhook: 1, email: 0 },
        webhookIds: webhooks.map(({ id }) => id),
      });
      const marker = `账单 ${hex(6)}`;
      const eventId = await producer.emit({
        ...bill,
        title: marker,
        body: '磁盘告警 💥 '.repeat(4_000),
        accountId: account.id,
      });
      await until('both delivered', async () => (await producer.event(eventId)).body.deliveries.delivered === 2);
      const bodies = (await sandbox.received('?limit=5000')).filter((item) =>
        JSON.stringify(item.body).includes(marker),
      );
      expect(bodies).toHaveLength(2);
      for (const { body } of bodies) {
        expect(JSON.stringify(body)).toContain('/messages/');
        expect(JSON.stringify(body)).not.toContain('\uFFFD');
      }
    });

    it('replays a dead delivery as a new pass of the same delivery', async () => {
      const { account, path } = await accountWithWebhook();
      await sandbox.fault({ path, kind: 'status', status: 400, times: 3 });
      const eventId = await producer.emit({ ...bill, accountId: account.id });
      const dead = await deliveryThatIs('dead', eventId);
      expect(dead.attempts).toHaveLength(3);
      const replay = await herald.operator('/v1/ops/deliveries/replay', { body: { ids: [dead.id] } });
      expect(replay).toMatchObject({ status: 200, body: { matched: 1, changed: 1 } });
      const delivered = await deliveryThatIs('delivered', eventId);
      expect(delivered.id).toBe(dead.id);
      expect(delivered.attempts.length).toBe(4);
    });

    it('does not bring back a deleted message when its event comes again', async () => {
      const { account } = await accountWithWebhook();
      const event = { ...bill, accountId: account.id, id: `again-${hex(6)}` };
      await producer.emit(event);
      const message = await until('the message', async () => (await account.messages())[0]);
      const deleted = await account.call('/v1/messages/delete', { body: { ids: [message.id] } });
      expect(deleted.body).toEqual({ changed: 1 });
      await expectStatus(202, producer.post(event));
      const marker = await producer.emit({ ...bill, title: 'Marker', accountId: account.id });
      await until('the marker', async () => (await account.messages()).some(({ eventId }) => eventId === marker));
      expect((await account.messages()).map(({ title }) => title)).toEqual(['Marker']);
      expect((await account.call(`/v1/messages/${message.id}`)).status).toBe(404);
    });

    it('tells a list of accounts and everyone', async () => {
      const accounts = await Promise.all(Array.from({ length: 3 }, () => accountWithWebhook()));
      const ids = accounts.map(({ account }) => account.id);
      const listed = await producer.emit({ ...bill, title: 'To a list', audience: { accountIds: ids } });
      const all = await producer.emit({ ...bill, title: 'To everyone', audience: { all: true } });
      for (const { account } of accounts) {
        await until('both messages', async () => {
          const events = (await account.messages()).map(({ eventId }) => eventId);
          return events.includes(listed) && events.includes(all);
        });
      }
      await until('the list ended', async () => {
        const { body } = await producer.event(listed);
        return body.state === 'ended' && body.deliveries.delivered === 3;
      });
      const unknown = await producer.post({ ...bill, audience: { accountIds: [...ids, 'nobody-here'] } });
      expect(unknown.status).toBe(422);
      expect(JSON.stringify(unknown.body.errors)).toContain('nobody-here');
    });

    it('marks as read up to what the reader saw, and keeps exact counts', async () => {
      const { account } = await accountWithWebhook();
      for (let index = 0; index < 3; index += 1)
        await producer.emit({ ...bill, accountId: account.id, title: `Bill ${index}` });
      const seen = await until('three messages', async () => {
        const messages = await account.messages();
        return messages.length === 3 ? messages : undefined;
      });
      await producer.emit({ ...bill, accountId: account.id, title: 'Arrived meanwhile' });
      await until('the fourth', async () => (await account.messages()).length === 4);
      const marked = await account.call('/v1/messages/mark-read', {
        body: { filter: { category: 'service' }, before: seen[0].id },
      });
      expect(marked.body).toEqual({ changed: 3 });
      expect((await account.call('/v1/messages/unread-counts')).body).toEqual({ total: 1, byCategory: { service: 1 } });
      expect((await account.messages('?status=unread')).map(({ title }) => title)).toEqual(['Arrived meanwhile']);
    });

    it('keeps accounts apart', async () => {
      const ours = await accountWithWebhook();
      const theirs = await accountWithWebhook();
      await producer.emit({ ...bill, accountId: theirs.account.id });
      const message = await until('their message', async () => (await theirs.account.messages())[0]);
      for (const path of [
        `/v1/messages/${message.id}`,
        `/v1/messages/${message.id}/timeline`,
        `/v1/webhooks/${theirs.webhook.id}`,
        `/v1/recipients/${(await theirs.account.recipients())[0].id}`,
      ]) {
        expect((await ours.account.call(path)).status).toBe(404);
        expect((await theirs.account.call(path)).status).toBe(200);
      }
      const foreign = await ours.account.call('/v1/messages/delete', { body: { ids: [message.id] } });
      expect(foreign.body).toEqual({ changed: 0 });
    });

    it('verifies a recipient by the code of the mail, then sends to it', async () => {
      const account = await herald.account(`mail-${hex(4)}`);
      const email = `ops-${hex(4)}@example.com`;
      const body = { name: 'Ops', title: 'maintenance-director', email };
      const recipient = (await expectStatus(201, account.call('/v1/recipients', { body }))).body;
      expect(recipient.verifiedAt).toBeNull();
      await account.subscribe('svc_bill', { channels: { email: 1 }, recipientIds: [recipient.id] });
      const skipped = await producer.emit({ ...bill, accountId: account.id });
      const message = await until('the message', async () =>
        (await account.messages()).find((m) => m.eventId === skipped),
      );
      expect((await account.timeline(message.id)).destinations).toContainEqual(
        expect.objectContaining({ channel: 'email', status: 'suppressed', reason: 'UNVERIFIED' }),
      );
      await expectStatus(202, account.call(`/v1/recipients/${recipient.id}/send-verification`, { method: 'POST' }));
      const mail = await until('the mail', async () =>
        (await sandbox.received('?platform=mail&limit=5000')).find((item) => JSON.stringify(item).includes(email)),
      );
      const code = /\b(\d{6})\b/.exec(mail.body.text)?.[1];
      await expectStatus(
        422,
        account.call('/v1/recipients/verify', { body: { recipientId: recipient.id, code: '000000' } }),
      );
      await expectStatus(200, account.call('/v1/recipients/verify', { body: { recipientId: recipient.id, code } }));
      await until('a bill by mail', async () => {
        const eventId = await producer.emit({ ...bill, accountId: account.id });
        return deliveryThatIs('delivered', eventId, 3_000).catch(() => undefined);
      });
    }, 60_000);

    it('tests a webhook with a real message and shows the answer', async () => {
      const { account, path, webhook } = await accountWithWebhook();
      const good = await expectStatus(200, account.call(`/v1/webhooks/${webhook.id}/test`, { method: 'POST' }));
      expect(good.body).toMatchObject({ delivered: true });
      expect((await sandbox.at(path))[0].body.data.test).toBe(true);
      await sandbox.fault({ path, kind: 'status', status: 503, times: 1 });
      const bad = await expectStatus(200, account.call(`/v1/webhooks/${webhook.id}/test`, { method: 'POST' }));
      expect(bad.body).toMatchObject({ delivered: false });
    });

    it('names what is wrong with a webhook URL', async () => {
      const account = await herald.account(`urls-${hex(4)}`);
      for (const [platform, url] of [
        ['dingtalk', 'https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key=1'],
        ['webhook', 'https://user:pass@example.com/x'],
        ['webhook', 'https://10.0.0.1/x'],
        ['webhook', 'https://[::ffff:10.0.0.1]/x'],
        ['webhook', 'ftp://example.com/x'],
        ['slack', 'http://hooks.slack.com/services/T1/B1/x'],
      ]) {
        const answer = await account.call('/v1/webhooks', { body: { name: 'bad', platform, url } });
        expect([url, answer.status]).toEqual([url, 422]);
        expect(answer.body.errors[0].path).toBe('/url');
      }
    });

    it('refuses bad input with the status that api.md names', async () => {
      const { account } = await accountWithWebhook();
      const event = { ...bill, accountId: account.id };
      const narrow = await herald.producer('narrow', { categories: ['security'] });
      const limited = await herald.producer('limited', { ratePerSecond: 1 });
      expect((await call(`${herald.url}/v1/events`, { body: event })).status).toBe(401);
      expect((await call(`${herald.url}/v1/events`, { body: event, token: 'wrong' })).status).toBe(401);
      expect((await narrow.post(event)).status).toBe(403);
      expect((await producer.post(undefined, { raw: '{' })).status).toBe(400);
      expect((await producer.post(event, { headers: { 'content-type': 'text/plain' } })).status).toBe(415);
      expect((await producer.post({ ...event, body: 'x'.repeat(300 * 1024) })).status).toBe(413);
      expect((await producer.post({ ...event, title: 'x'.repeat(201) })).status).toBe(422);
      expect((await producer.post({ ...event, title: 'a\u0000b' })).status).toBe(422);
      expect((await producer.post({ ...event, surprise: 1 })).status).toBe(422);
      expect((await producer.post({ ...event, expiresAt: '2020-01-01T00:00:00Z' })).status).toBe(422);
      expect((await producer.post({ ...event, locale: 'fr-FR' })).status).toBe(422);
      const answers = await Promise.all(Array.from({ length: 5 }, () => limited.post(event)));
      const refused = answers.find(({ status }) => status === 429);
      expect(Number(refused?.headers.get('retry-after'))).toBeGreaterThanOrEqual(1);
    });

    it('keeps hostile titles text on every channel', async () => {
      const account = await herald.account(`hostile-${hex(4)}`);
      const slack = `T${hex(4)}/B${hex(4)}/${hex(12)}`;
      const lark = randomUUID();
      await sandbox.robot({ platform: 'slack', token: slack, name: 'hostile slack' });
      await sandbox.robot({ platform: 'lark', token: lark, name: 'hostile lark' });
      const webhooks = [
        await account.webhook({ name: 's', platform: 'slack', url: `https://hooks.slack.com/services/${slack}` }),
        await account.webhook({
          name: 'l',
          platform: 'lark',
          url: `https://open.feishu.cn/open-apis/bot/v2/hook/${lark}`,
        }),
      ];
      await account.subscribe('svc_bill', {
        channels: { webhook: 1, email: 0 },
        webhookIds: webhooks.map(({ id }) => id),
      });
      const marker = hex(6);
      const eventId = await producer.emit({
        ...bill,
        accountId: account.id,
        title: `${marker} <!channel> <at id=all></at> @all`,
        body: `${marker} <!here> <at user_id="all">x</at> &lt;!everyone&gt;`,
      });
      await until('both delivered', async () => (await producer.event(eventId)).body.deliveries.delivered === 2);
      const bodies = (await sandbox.received('?limit=5000')).filter((item) =>
        JSON.stringify(item.body).includes(marker),
      );
      const slackBody = bodies.find(({ platform }) => platform === 'slack').body;
      for (const text of mrkdwnOf(slackBody)) expect(text).not.toMatch(/<!|<at/);
      const larkBody = bodies.find(({ platform }) => platform === 'lark').body;
      for (const text of larkMarkdownOf(larkBody)) expect(text).not.toMatch(/<at/);
    });

    it('shows planted secrets nowhere', async () => {
      const { account } = await accountWithWebhook();
      const planted = [`planted${hex(20)}`, `SECplanted${hex(20)}`];
      const url = `https://oapi.dingtalk.com/robot/send?access_token=${planted[0]}`;
      const robot = await account.webhook({ name: 'planted', platform: 'dingtalk', url, secret: planted[1] });
      await account.subscribe('svc_bill', { channels: { webhook: 1, email: 0 }, webhookIds: [robot.id] });
      const eventId = await until('a delivery to it', async () => {
        const id = await producer.emit({ ...bill, accountId: account.id });
        return deliveryThatIs('dead', id, 4_000).then(
          () => id,
          () => undefined,
        );
      });
      const shown = [
        ground.output(),
        JSON.stringify((await account.call(`/v1/webhooks/${robot.id}`)).body),
        JSON.stringify((await account.call('/v1/webhooks')).body),
        JSON.stringify(await Promise.all((await deliveriesOf(eventId)).map(({ id }) => herald.delivery(id)))),
        JSON.stringify((await account.call(`/v1/webhooks/${robot.id}/test`, { method: 'POST' })).body),
        JSON.stringify((await account.call('/v1/history')).body),
      ].join('\n');
      for (const secret of [...planted, producer.key]) expect(shown.includes(secret)).toBe(false);
    }, 60_000);

    it('balances its ledger', async () => {
      await until(
        'a gap of 0 and nothing open',
        async () => {
          const ledger = await herald.ledger();
          return ledger.gap === 0 && ledger.deliveries.inFlight === 0 ? ledger : undefined;
        },
        30_000,
      );
      const ledger = await herald.ledger();
      expect(ledger.deliveries.decided).toBe(ledger.deliveries.ended + ledger.deliveries.scheduled);
      expect(ledger.events.accepted).toBe(ledger.events.routed);
    }, 60_000);
  });
}

/** Every string that Slack would parse for mentions. */
function mrkdwnOf(value: any): string[] {
  if (Array.isArray(value)) return value.flatMap(mrkdwnOf);
  if (value === null || typeof value !== 'object') return [];
  const own = value.type === 'mrkdwn' && typeof value.text === 'string' ? [value.text] : [];
  const fallback = typeof value.text === 'string' && value.type === undefined ? [value.text] : [];
  return [...own, ...fallback, ...Object.values(value).flatMap(mrkdwnOf)];
}

function larkMarkdownOf(value: any): string[] {
  if (Array.isArray(value)) return value.flatMap(larkMarkdownOf);
  if (value === null || typeof value !== 'object') return [];
  const own = ['markdown', 'lark_md'].includes(value.tag) && typeof value.content === 'string' ? [value.content] : [];
  return [...own, ...Object.values(value).flatMap(larkMarkdownOf)];
}
