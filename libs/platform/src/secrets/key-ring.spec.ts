import { randomBytes } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import { KeyRing } from './key-ring.js';

const key = (id: string) => `${id}:${randomBytes(32).toString('base64')}`;

describe('KeyRing', () => {
  it('decrypts what it encrypted, each time under another nonce', () => {
    const ring = new KeyRing(key('k1'));
    const sealed = ring.encrypt('geheim 寿司', 'webhook:1:config');
    expect(ring.decrypt(sealed, 'webhook:1:config')).toBe('geheim 寿司');
    expect(ring.encrypt('geheim 寿司', 'webhook:1:config')).not.toBe(sealed);
    expect(sealed).not.toContain('geheim');
    expect(ring.decrypt(ring.encrypt('', 'x'), 'x')).toBe('');
  });

  it('refuses what was moved to another place, and every changed byte', () => {
    const ring = new KeyRing(key('k1'));
    const sealed = ring.encrypt('geheim', 'webhook:1:config');
    expect(() => ring.decrypt(sealed, 'webhook:2:config')).toThrow();
    const bytes = Buffer.from(sealed.slice(3), 'base64');
    for (let at = 0; at < bytes.length; at += 1) {
      const changed = Buffer.from(bytes);
      changed[at]! ^= 1;
      expect(() => ring.decrypt(`k1:${changed.toString('base64')}`, 'webhook:1:config')).toThrow();
    }
    expect(() => ring.decrypt(`k1:${bytes.subarray(0, 20).toString('base64')}`, 'webhook:1:config')).toThrow();
  });

  it('rotates: the first key encrypts, all decrypt, and one that is gone is named', () => {
    const [old, young] = [key('old'), key('young')];
    const sealed = new KeyRing(old).encrypt('geheim', 'x');
    const both = new KeyRing(`${young},${old}`);
    expect(both.decrypt(sealed, 'x')).toBe('geheim');
    expect(both.encrypt('geheim', 'x')).toMatch(/^young:/);
    expect(() => new KeyRing(young).decrypt(sealed, 'x')).toThrow(/no key "old" in HERALD_SECRET_KEYS/);
  });
});
