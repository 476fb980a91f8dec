/**
 * Secrets at rest: AES-256-GCM with a fresh 96-bit nonce, bound to where they stand, so that a ciphertext moved to
 * another row or column does not decrypt. The first key encrypts, all decrypt: keys rotate without a stop.
 */
import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto';

export class KeyRing {
  private readonly keys = new Map<string, Buffer>();
  private readonly current: string;

  /** `id:base64,…`, 32 bytes each. */
  constructor(text: string) {
    for (const entry of text.split(',')) {
      const [id = '', key = ''] = entry.split(':');
      this.keys.set(id, Buffer.from(key, 'base64'));
    }
    this.current = this.keys.keys().next().value!;
  }

  /** `boundTo` names the place, e.g. `webhook:<id>:config`; decrypting needs the same. */
  encrypt(plain: string, boundTo: string): string {
    const nonce = randomBytes(12);
    const cipher = createCipheriv('aes-256-gcm', this.keys.get(this.current)!, nonce).setAAD(Buffer.from(boundTo));
    const sealed = Buffer.concat([nonce, cipher.update(plain, 'utf8'), cipher.final(), cipher.getAuthTag()]);
    return `${this.current}:${sealed.toString('base64')}`;
  }

  /** Throws where the key is unknown, or the text was changed or moved. */
  decrypt(text: string, boundTo: string): string {
    const at = text.indexOf(':');
    const key = this.keys.get(text.slice(0, at));
    if (!key)
      throw new Error(`no key "${text.slice(0, at)}" in HERALD_SECRET_KEYS: it was taken out while still in use`);
    const sealed = Buffer.from(text.slice(at + 1), 'base64');
    const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, 12)).setAAD(Buffer.from(boundTo));
    decipher.setAuthTag(sealed.subarray(-16));
    return Buffer.concat([decipher.update(sealed.subarray(12, -16)), decipher.final()]).toString('utf8');
  }
}
