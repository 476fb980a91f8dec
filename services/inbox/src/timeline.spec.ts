import type { Decision } from '@herald/contracts';
import type { DeliveryRecord } from '@herald/delivery';
import { describe, expect, it } from '@jest/globals';
import { timelineOf } from './timeline.js';

const acceptedAt = new Date('2026-01-01T00:00:00Z');
const decision = (channel: string, id: string | null, more: Partial<Decision> = {}) =>
  ({ channel, destinationId: id, label: `to ${channel}`, decision: 'send', reason: null, ...more }) as Decision;
const delivery = (channel: string, id: string, more: Partial<DeliveryRecord> = {}) =>
  ({
    channel,
    destinationId: id,
    label: `by ${channel}`,
    status: 'delivered',
    reason: null,
    attempts: [],
    nextAttemptAt: null,
    ...more,
  }) as DeliveryRecord;
const attempt = {
  number: 1,
  startedAt: '2026-01-01T00:00:01.000Z',
  durationMs: 5,
  httpStatus: 500,
  providerCode: null,
  providerMessage: null,
  error: 'provider-down',
  retryAfterSeconds: null,
  trigger: 'event' as const,
};
const of = (decisions: Decision[], deliveries: DeliveryRecord[] = []) =>
  timelineOf({ acceptedAt, routedAt: acceptedAt, decisions }, deliveries).destinations;

describe('the timeline of a message', () => {
  it('begins with the inbox, wherever it was decided', () => {
    expect(of([decision('slack', 's'), decision('inbox', null)]).map(({ channel }) => channel)).toEqual([
      'inbox',
      'slack',
    ]);
    expect(of([decision('inbox', null)])).toEqual([
      { channel: 'inbox', id: null, label: 'to inbox', status: 'delivered', attempts: [] },
    ]);
  });

  it('shows what was decided and not tried yet as queued', () => {
    expect(of([decision('slack', 's')])).toEqual([
      { channel: 'slack', id: 's', label: 'to slack', status: 'queued', attempts: [] },
    ]);
  });

  it('shows what was kept back as suppressed, with its reason', () => {
    expect(of([decision('email', null, { decision: 'skip', reason: 'NO_RECIPIENT' })])).toMatchObject([
      { status: 'suppressed', reason: 'NO_RECIPIENT' },
    ]);
    expect(of([decision('inbox', null, { decision: 'skip', reason: 'CHANNEL_OFF' })])).toMatchObject([
      { status: 'suppressed', reason: 'CHANNEL_OFF' },
    ]);
  });

  it('shows each delivery with its attempts and its next one', () => {
    const scheduled = delivery('slack', 's', {
      status: 'scheduled',
      attempts: [attempt],
      nextAttemptAt: '2026-01-01T00:00:10.000Z',
    });
    const dead = delivery('webhook', 'w', { status: 'dead', reason: 'REJECTED' });
    expect(of([decision('slack', 's'), decision('webhook', 'w')], [dead, scheduled])).toEqual([
      {
        channel: 'slack',
        id: 's',
        label: 'to slack',
        status: 'scheduled',
        attempts: [attempt],
        nextAttemptAt: '2026-01-01T00:00:10.000Z',
      },
      { channel: 'webhook', id: 'w', label: 'to webhook', status: 'dead', reason: 'REJECTED', attempts: [] },
    ]);
  });

  it('10: shows a delivery that the decisions don’t name, or name as kept back', () => {
    const decisions = [decision('inbox', null), decision('slack', 's', { decision: 'skip', reason: 'CHANNEL_OFF' })];
    expect(
      of(decisions, [delivery('slack', 's'), delivery('webhook', 'w')]).map(({ id, status, label }) => [
        id,
        status,
        label,
      ]),
    ).toEqual([
      [null, 'delivered', 'to inbox'],
      ['s', 'delivered', 'to slack'],
      ['w', 'delivered', 'by webhook'],
    ]);
  });
});
