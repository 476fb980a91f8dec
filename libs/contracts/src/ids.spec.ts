import { describe, expect, it } from '@jest/globals';
import { v5, validate, version } from 'uuid';
import {
  type AccountId,
  type DestinationId,
  deliveryId,
  type EventId,
  type EventIdentity,
  emailDestinationId,
  eventId,
  type MessageId,
  messageId,
  type ProducerId,
} from './ids.js';

const NAMESPACE = '6f1f4c0e-1d5b-5d0a-9a57-8f2b6a3c7e10';
const producer = '0b7a0f7e-52a1-4c7b-9d0e-6c1f0f1f2a3b' as ProducerId;
const event = '6f0b7f2c-9c3e-5f6e-8b1a-1f2e3d4c5b6a' as EventId;
const message = '7f0b7f2c-9c3e-5f6e-8b1a-1f2e3d4c5b6a' as MessageId;

describe('derived ids', () => {
  it.each<[string, EventIdentity, unknown[]]>([
    ['a key', { kind: 'key', key: 'order-1' }, [producer, 'key', 'order-1']],
    ['a key that is not ASCII', { kind: 'key', key: '订单 "1" 😀' }, [producer, 'key', '订单 "1" 😀']],
    ['a CloudEvent', { kind: 'cloudevent', source: '/billing', id: '1' }, [producer, 'ce', '/billing', '1']],
  ])('2: %s gives the UUID of its name', (_, identity, name) => {
    expect(eventId(producer, identity)).toBe(v5(JSON.stringify(name), NAMESPACE));
  });

  it('7: messages, deliveries and e-mail destinations are named by what they belong to', () => {
    expect(messageId(event, 'a-1' as AccountId)).toBe(v5(JSON.stringify([event, 'a-1']), NAMESPACE));
    expect(deliveryId(message, event as unknown as DestinationId)).toBe(
      v5(JSON.stringify([message, event]), NAMESPACE),
    );
    expect(emailDestinationId('a-1' as AccountId, 'a@example.com')).toBe(
      v5(JSON.stringify(['a-1', 'email', 'a@example.com']), NAMESPACE),
    );
  });

  it('2: keys, CloudEvents and producers don’t share ids', () => {
    const other = '1b7a0f7e-52a1-4c7b-9d0e-6c1f0f1f2a3b' as ProducerId;
    const ids = [
      eventId(producer, { kind: 'key', key: 'x' }),
      eventId(other, { kind: 'key', key: 'x' }),
      eventId(producer, { kind: 'cloudevent', source: 'x', id: '' }),
      eventId(producer, { kind: 'cloudevent', source: '', id: 'x' }),
    ];
    expect(new Set(ids).size).toBe(ids.length);
  });

  it('2: without an identity every post is a new event, a UUID of version 7', () => {
    const ids = Array.from({ length: 1_000 }, () => eventId(producer, null));
    expect(new Set(ids).size).toBe(ids.length);
    expect(ids.every((id) => validate(id) && version(id) === 7)).toBe(true);
    const ms = Number.parseInt(ids[0]!.replaceAll('-', '').slice(0, 12), 16);
    expect(Math.abs(ms - Date.now())).toBeLessThan(10_000);
  });
});
