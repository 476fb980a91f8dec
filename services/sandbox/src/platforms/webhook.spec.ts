import { describe, expect, it } from '@jest/globals';
import { Asker, vectors } from './ask.js';
import { signatureFault, webhook } from './webhook.js';

type Vector = (typeof vectors.standard_webhooks.vectors)[number];

function signedBy(vector: Vector, more: Record<string, string> = {}) {
  const names = ['webhook-id', 'webhook-timestamp', 'webhook-signature'] as const;
  const headers = { ...Object.fromEntries(names.map((name) => [name, vector[name]])), ...more };
  return { headers, body: Buffer.from(vector.body) };
}

describe('custom webhook', () => {
  it.each(vectors.standard_webhooks.vectors)('accepts the signature of: $note', (vector) => {
    const now = Number(vector['webhook-timestamp']) * 1000;
    expect(signatureFault(signedBy(vector), vector.secrets[0], now)).toBeUndefined();
    expect(signatureFault(signedBy(vector), vector.secrets[0], now + 300_999)).toBeUndefined();
    expect(signatureFault(signedBy(vector), vector.secrets[0], now + 301_000)).toBe('message timestamp too old');
    expect(signatureFault(signedBy(vector), vector.secrets[0], now - 301_000)).toBe('message timestamp too new');
  });

  const [first, second] = vectors.standard_webhooks.vectors;
  const now = Number(first['webhook-timestamp']) * 1000;

  it.each([
    ['another body', { ...signedBy(first), body: Buffer.from(`${first.body} `) }],
    ['another version', signedBy(first, { 'webhook-signature': first['webhook-signature'].replace('v1,', 'v2,') })],
    ['an empty signature', signedBy(first, { 'webhook-signature': 'v1,' })],
    ['another id', signedBy(first, { 'webhook-id': 'msg_other' })],
  ])('refuses %s', (_name, signed) => {
    expect(signatureFault(signed, first.secrets[0], now)).toBe('no matching signature');
  });

  it('accepts any of several signatures', () => {
    const both = `${second['webhook-signature']} ${first['webhook-signature']}`;
    expect(signatureFault(signedBy(first, { 'webhook-signature': both }), first.secrets[0], now)).toBeUndefined();
  });

  it('takes any name, and checks where it knows the secret', () => {
    const asker = new Asker(webhook, [{ token: 'orders', secret: first.secrets[0] }]);
    expect(asker.ask({ url: '/webhook/anything', body: {} })).toMatchObject({ status: 200, accepted: true });
    expect(asker.ask({ url: '/webhook/orders', body: {} })).toMatchObject({ status: 401, accepted: false });
    expect(asker.ask({ url: '/webhook/anything', body: '{' })).toMatchObject({ status: 400, accepted: false });
    expect(asker.ask({ url: '/webhook/anything', method: 'GET' })).toMatchObject({ status: 405, accepted: false });
  });
});
