import { Problem } from '@herald/platform';
import { describe, expect, it } from '@jest/globals';
import { fromBinary, fromStructured } from './cloud-event.js';

const attributes = { specversion: '1.0', id: 'e-1', source: '/billing', type: 'svc_bill', subject: 'acct-1' };
const data = { title: 'Bill', body: 'Ready' };

function faultsOf(read: () => unknown): string[] {
  try {
    read();
  } catch (error) {
    if (error instanceof Problem) return (error.more.errors ?? []).map(({ path }) => path);
    throw error;
  }
  return [];
}

describe('a CloudEvent as a post', () => {
  it('2: is the same body and identity in every mode', () => {
    const structured = fromStructured({
      ...attributes,
      time: '2026-01-01T00:00:00Z',
      datacontenttype: 'application/json',
      data,
    });
    const binary = fromBinary(
      {
        'ce-specversion': '1.0',
        'ce-id': 'e-1',
        'ce-source': '/billing',
        'ce-type': 'svc_bill',
        'ce-subject': 'acct-1',
        'ce-time': '2026-01-01T00:00:00Z',
        'content-type': 'application/json',
      },
      data,
    );
    expect(binary.body).toEqual(structured.body);
    expect(binary.identity).toEqual(structured.identity);
    expect(structured.body).toEqual({
      ...data,
      accountId: 'acct-1',
      subtype: 'svc_bill',
      occurredAt: '2026-01-01T00:00:00Z',
    });
    expect(structured.identity).toEqual({ kind: 'cloudevent', source: '/billing', id: 'e-1' });
  });

  it('takes its time only where data has none', () => {
    const occurredAt = '2025-05-05T05:05:05Z';
    expect(
      fromStructured({ ...attributes, time: '2026-01-01T00:00:00Z', data: { ...data, occurredAt } }).body,
    ).toMatchObject({ occurredAt });
    expect(fromStructured({ ...attributes, data }).body).not.toHaveProperty('occurredAt');
  });

  it('decodes headers that were percent-encoded, and takes others as they are', () => {
    const headers = {
      'ce-specversion': '1.0',
      'ce-id': '%E8%B4%A6',
      'ce-source': '100%',
      'ce-type': 't',
      'ce-subject': 's',
    };
    expect(fromBinary(headers, data).identity).toEqual({ kind: 'cloudevent', source: '100%', id: '账' });
  });

  it('names every fault at once', () => {
    expect(faultsOf(() => fromStructured({ specversion: '0.3', id: '', data: [] }))).toEqual([
      '/id',
      '/source',
      '/type',
      '/subject',
      '/specversion',
      '/data',
    ]);
    expect(
      faultsOf(() => fromStructured({ ...attributes, data: { ...data, id: '1', accountId: 'a', subtype: 's' } })),
    ).toEqual(['/data/id', '/data/accountId', '/data/subtype']);
    expect(faultsOf(() => fromStructured({ ...attributes, data_base64: 'e30=' }))).toEqual(['/data']);
  });

  it('5: refuses what can’t be stored in its attributes', () => {
    expect(faultsOf(() => fromStructured({ ...attributes, id: 'a\u0000b', source: '\ud800', data }))).toEqual([
      '/id',
      '/source',
    ]);
    const headers = Object.fromEntries(Object.entries(attributes).map(([name, value]) => [`ce-${name}`, value]));
    expect(faultsOf(() => fromBinary({ ...headers, 'ce-id': 'a%00b' }, data))).toEqual(['/id']);
  });

  it.each([null, 'text', 1, [], undefined])('refuses %j', (value) => {
    expect(() => fromStructured(value)).toThrow(Problem);
  });
});
