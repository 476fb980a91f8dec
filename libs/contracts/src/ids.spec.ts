import { describe, expect, it } from '@jest/globals';
import { deliveryId, emailDestinationId, eventId, messageId, normaliseAddress } from './ids.js';

const producer = 'p-1' as never;
const event = '0b7b2f4e-6f0a-5d4e-9c55-0a1b2c3d4e5f' as never;
const v5 = /^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/;

describe('ids', () => {
  // Stored and published: a changed derivation would send everything a second time.
  it.each([
    ['an event of a key', eventId(producer, { kind: 'key', key: 'k-1' }), 'd609c94f-1460-5994-af4e-598ec28a6143'],
    [
      'an event of a CloudEvent',
      eventId(producer, { kind: 'cloudevent', source: '/s', id: 'k-1' }),
      'e762d6c1-3c3d-5b0e-909f-f130a60c1078',
    ],
    ['a message', messageId(event, '1234567890' as never), 'c1e10ef6-b78f-5fcc-8f29-7583c0a3b251'],
    ['a delivery', deliveryId(event, 'd-1' as never), 'caefc0cf-1600-5a84-a310-0cbddb7f6bca'],
    [
      'an e-mail destination',
      emailDestinationId('1234567890' as never, 'ann@example.com'),
      'a58cf9d5-3222-52c0-a382-d9875f2a2708',
    ],
  ])('2, 7: are derived as they always were: %s', (_, id, expected) => {
    expect(id).toBe(expected);
    expect(id).toMatch(v5);
  });

  it('2: tell apart what could be confused', () => {
    const ids = [
      eventId(producer, { kind: 'key', key: 'ce' }),
      eventId(producer, { kind: 'cloudevent', source: 'key', id: 'ce' }),
      eventId('p-1","key' as never, { kind: 'key', key: '' }),
      eventId(producer, { kind: 'cloudevent', source: 'a', id: 'b,c' }),
      eventId(producer, { kind: 'cloudevent', source: 'a,b', id: 'c' }),
      eventId('p-2' as never, { kind: 'key', key: 'ce' }),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('2: are new for every post without a key, in the order of time', () => {
    const ids = Array.from({ length: 1_000 }, () => eventId(producer, null));
    expect(new Set(ids).size).toBe(1_000);
    // To the millisecond.
    const times = ids.map((id) => id.slice(0, 13));
    expect([...times].sort()).toEqual(times);
    expect(ids[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7/);
  });

  it('7: are one for two recipients with one address, and two for two accounts', () => {
    const of = (account: string, address: string) => emailDestinationId(account as never, normaliseAddress(address));
    expect(of('a', ' Ann@Example.com ')).toBe(of('a', 'ann@example.com'));
    expect(of('a', 'ann@example.com')).not.toBe(of('b', 'ann@example.com'));
  });
});
