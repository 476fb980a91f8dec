import type { AccountId, DestinationId } from '@herald/contracts';
import { silent } from '@herald/testing';
import { describe, expect, it } from '@jest/globals';
import { WebhookHealth } from './webhook-health.js';
import type { WebhookReport, WebhookRevision } from './webhook-health.store.js';

const webhook: WebhookRevision = { accountId: 'acct-1' as AccountId, webhookId: 'w-1' as DestinationId, revision: 1 };

function make() {
  const time = { ms: 0 };
  const written: WebhookReport[][] = [];
  const store = {
    isAway: false,
    async report(reports: readonly WebhookReport[]) {
      if (this.isAway) throw new Error('away');
      written.push([...reports]);
    },
    disable: async () => true,
  };
  const health = new WebhookHealth({ store, now: () => new Date(time.ms), nowMs: () => time.ms, logger: silent });
  return { health, store, time, written };
}

describe('the health of webhooks', () => {
  it('25: is written on a change of state, else at most every 30 s', async () => {
    const { health, time, written } = make();
    health.succeeded(webhook);
    await health.write();
    expect(written).toHaveLength(1);
    for (let second = 1; second < 30; second += 1) {
      time.ms = second * 1_000;
      health.succeeded(webhook);
      await health.write();
    }
    expect(written).toHaveLength(1);
    time.ms = 30_000;
    await health.write();
    expect(written[1]).toMatchObject([{ works: true, failures: 0, lastSuccessAt: new Date(29_000) }]);
    health.failed(webhook);
    await health.write();
    expect(written[2]).toMatchObject([{ works: false, failures: 1, lastSuccessAt: null }]);
    health.succeeded(webhook);
    await health.write();
    expect(written[3]).toMatchObject([{ works: true, failures: 0 }]);
  });

  it('25: counts failures over many answers in one write', async () => {
    const { health, time, written } = make();
    health.failed(webhook);
    await health.write();
    for (let n = 0; n < 7; n += 1) health.failed(webhook);
    await health.write();
    expect(written).toHaveLength(1);
    time.ms = 30_000;
    await health.write();
    expect(written[1]).toMatchObject([{ failures: 7, works: false }]);
  });

  it('25: a refusal is a change of state, another reason for it is not', async () => {
    const { health, written } = make();
    health.failed(webhook);
    await health.write();
    health.failed(webhook, 'REJECTED');
    await health.write();
    expect(written[1]).toMatchObject([{ refusedBecause: 'REJECTED' }]);
    for (let n = 0; n < 5; n += 1) {
      health.failed(webhook, `another ${n}`);
      await health.write();
    }
    expect(written).toHaveLength(2);
  });

  it('25: what an attempt tells belongs to the revision it loaded', async () => {
    const { health, written } = make();
    health.failed(webhook);
    health.succeeded({ ...webhook, revision: 2 });
    await health.write();
    expect(written[0]!.map(({ revision, works }) => [revision, works])).toEqual([
      [1, false],
      [2, true],
    ]);
  });

  it('28: what could not be written is written later, with what came since', async () => {
    const { health, store, written } = make();
    store.isAway = true;
    health.failed(webhook);
    health.failed(webhook);
    await health.write();
    health.failed(webhook);
    store.isAway = false;
    await health.write();
    expect(written).toMatchObject([[{ failures: 3, works: false }]]);
    store.isAway = true;
    health.failed(webhook);
    await health.write();
    health.succeeded(webhook);
    store.isAway = false;
    await health.write();
    expect(written[1]).toMatchObject([{ failures: 0, works: true }]);
  });

  it('is written whole when the process ends', async () => {
    const { health, written } = make();
    health.succeeded(webhook);
    await health.write();
    health.succeeded(webhook);
    await health.stop();
    expect(written).toHaveLength(2);
    await health.stop();
    expect(written).toHaveLength(2);
  });
});
