import { type Channel, type ChannelRuntime, failure, ProviderError } from '@herald/channels';
import type { AccountId, Webhook } from '@herald/contracts';
import { InProcessBuckets } from '@herald/platform';
import { beforeEach, describe, expect, it } from '@jest/globals';
import { WebhookTester } from './webhook-tester.js';

const limit = { key: 'robot:abc', capacity: 2, perMs: 60_000 };
const webhook = { id: 'webhook-1', name: 'ours', platform: 'dingtalk' } as Webhook;

describe('testing a webhook', () => {
  let calls: AbortSignal[];
  let send: () => Promise<{ status: number; providerCode: string; providerMessage: string }>;
  let buckets: InProcessBuckets;
  let nowMs: number;
  let tester: WebhookTester;

  beforeEach(() => {
    calls = [];
    nowMs = 0;
    send = async () => ({ status: 200, providerCode: '0', providerMessage: 'ok' });
    buckets = new InProcessBuckets(() => nowMs);
    const channel = {
      render: () => ({ payload: null, cut: false }),
      send: (_payload: unknown, _config: unknown, { signal }: { signal: AbortSignal }) => {
        calls.push(signal);
        return send();
      },
      limits: () => [limit],
    } as unknown as Channel;
    const channels = {
      registry: { dingtalk: channel },
      io: (_channel: string, signal: AbortSignal) => ({ signal }),
    } as unknown as ChannelRuntime;
    const publicUrl = 'http://localhost:3000';
    tester = new WebhookTester({ channels, buckets, publicUrl, attemptLimitMs: 40, now: () => new Date() });
  });
  const test = () => tester.test('acct-1' as AccountId, webhook, {}, 'en-US');

  it('takes from the bucket that deliveries to it take from', async () => {
    expect(await test()).toMatchObject({ delivered: true, providerCode: '0' });
    await buckets.take([limit]);
    expect(await test()).toMatchObject({ delivered: false, providerCode: 'THROTTLED' });
    expect(calls).toHaveLength(1);
    nowMs += 30_000;
    expect(await test()).toMatchObject({ delivered: true });
  });

  it('keeps the silence that a provider asks for, for deliveries too', async () => {
    send = async () => {
      throw new ProviderError(failure('throttled', '130101', { retryAfterSeconds: 600 }));
    };
    expect(await test()).toMatchObject({ delivered: false, providerCode: '130101' });
    expect(await buckets.take([limit])).toBe(600_000);
    expect(await test()).toMatchObject({
      providerCode: 'THROTTLED',
      providerMessage: expect.stringContaining('600 s'),
    });
    expect(calls).toHaveLength(1);
  });

  it('17: ends at the limit of an attempt, even if the channel never settles', async () => {
    send = () => new Promise(() => {});
    expect(await test()).toMatchObject({ delivered: false, providerCode: 'TIMEOUT' });
    expect(calls[0]!.aborted).toBe(true);
  });

  it('does not call a bug of ours an answer', async () => {
    send = async () => {
      throw new TypeError('a bug');
    };
    await expect(test()).rejects.toThrow('a bug');
  });
});
