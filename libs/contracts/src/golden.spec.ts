/** Records that were once on the bus are read for ever: these fixtures are only added to, never changed. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { deliveryRequestedSchema, eventAcceptedSchema, messageRoutedSchema } from './records.js';

const schemas = {
  'event.accepted.v1': eventAcceptedSchema,
  'message.routed.v1': messageRoutedSchema,
  'delivery.requested.v1': deliveryRequestedSchema,
} as const;

interface Golden {
  readonly note: string;
  readonly record: Record<string, unknown>;
}

describe.each(Object.keys(schemas) as (keyof typeof schemas)[])('records of %s', (name) => {
  const goldens: Golden[] = JSON.parse(readFileSync(new URL(`../fixtures/${name}.json`, import.meta.url), 'utf8'));

  it.each(goldens)('are read: $note', ({ record }) => {
    expect(schemas[name].parse(record)).toMatchObject(record);
  });

  it('are not read with a field missing', () => {
    const [{ record }] = goldens as [Golden];
    const optional = ['requestId'];
    for (const field of Object.keys(record).filter((key) => !optional.includes(key))) {
      const { [field]: _, ...rest } = record;
      expect({ field, read: schemas[name].safeParse(rest).success }).toEqual({ field, read: false });
    }
  });

  it('are read with a field that a later version adds', () => {
    for (const { record } of goldens) expect(schemas[name].safeParse({ ...record, later: 1 }).success).toBe(true);
  });
});
