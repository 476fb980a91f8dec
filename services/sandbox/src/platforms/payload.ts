/** Reading what came in, without trusting any of it. */
import type { PlatformRequest } from './platform.js';

export type Fields = Readonly<Record<string, unknown>>;

export function isFields(value: unknown): value is Fields {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

export function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** Undefined where the text isn't well-formed UTF-8 or isn't JSON. */
export function parseJson(body: Buffer): unknown {
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(body));
  } catch {
    return undefined;
  }
}

/** The media type without parameters, in lower case; empty where none was sent. */
export function mediaType(request: PlatformRequest): string {
  return (request.headers['content-type'] ?? '').split(';')[0]!.trim().toLowerCase();
}

export function isLink(value: unknown, protocols = ['http:', 'https:']): value is string {
  return isText(value) && URL.canParse(value) && protocols.includes(new URL(value).protocol);
}

export function byteLength(text: string): number {
  return Buffer.byteLength(text, 'utf8');
}

/** Characters as the platforms count them: code points. */
export function characters(text: string): number {
  return [...text].length;
}

/** Every string under one of the keys, at any depth. */
export function textsUnder(value: unknown, keys: ReadonlySet<string>): string[] {
  if (Array.isArray(value)) return value.flatMap((item) => textsUnder(item, keys));
  if (!isFields(value)) return [];
  return Object.entries(value).flatMap(([key, inner]) =>
    typeof inner === 'string' ? (keys.has(key) ? [inner] : []) : textsUnder(inner, keys),
  );
}
