/**
 * What Herald asks of Redis, as small ports with an in-process twin each. Redis is never the truth: losing all of it
 * loses nothing, and its absence is never "not now" (semantics 28): each port degrades to its in-process twin.
 */

/** Values with a time to live. */
export interface Cache {
  get(keys: readonly string[]): Promise<(string | null)[]>;
  set(entries: readonly { readonly key: string; readonly value: string }[], ttlSeconds: number): Promise<void>;
  /**
   * When this store began to remember (its epoch mark, written when absent), or null where it can't be asked now: a key
   * it doesn't know is unknown for certain only when the mark is older than the key could be (semantics 3).
   */
  rememberingSince(): Promise<Date | null>;
}

/** Shared token buckets: `capacity` calls per `perMs`, refilled evenly. */
export interface Buckets {
  /** 0 when a token was taken from every bucket, else milliseconds until all of them would have one; takes none then. */
  take(limits: readonly { readonly key: string; readonly capacity: number; readonly perMs: number }[]): Promise<number>;
  /** Nothing leaves this bucket before `untilMs` from now (a provider's throttling). */
  pause(key: string, forMs: number): Promise<void>;
}

/** Fire-and-forget fan-out between processes; may lose messages, so it only ever wakes earlier. */
export interface Signals {
  send(topic: string, message: string): void;
  /** Returns the unsubscriber. */
  on(topic: string, listener: (message: string) => void): () => void;
}

export const CACHE = Symbol('Cache');
export const BUCKETS = Symbol('Buckets');
export const SIGNALS = Symbol('Signals');
