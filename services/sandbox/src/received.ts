/** What the platforms and the mail server received, newest last; the oldest fall out at 5,000 items or 64 MB. */
import type { PlatformId } from './platforms/platform.js';

export const receivingSides = ['dingtalk', 'wecom', 'lark', 'slack', 'webhook', 'mail'] as const;
export type ReceivingSide = PlatformId | 'mail';

export interface ReceivedItem {
  /** Increasing by one; survives `clear`. */
  readonly id: number;
  readonly platform: ReceivingSide;
  /** ISO 8601. */
  readonly at: string;
  /** With the query; for mail, the recipients. */
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Parsed where it is JSON, else text. */
  readonly body: unknown;
  /** Null where the answer was withheld. */
  readonly answer: { readonly status: number; readonly body: unknown } | null;
  /** Whether the message stands in the chat or the mailbox, whatever the caller was told. */
  readonly accepted: boolean;
  /** The registered robot's name. */
  readonly robot: string | null;
  /** The kind of the fault that was played. */
  readonly fault: string | null;
}

export interface ReceivedFilter {
  readonly platform?: ReceivingSide;
  /** Only items after this id, or after this time (ISO 8601). */
  readonly since?: number | string;
  /** How the path begins. */
  readonly path?: string;
  readonly accepted?: boolean;
  /** The newest so many. */
  readonly limit?: number;
}

export interface ReceivedCapacity {
  readonly items: number;
  readonly bytes: number;
}

export class Received {
  private items: { readonly item: ReceivedItem; readonly bytes: number }[] = [];
  private bytes = 0;
  private lastId = 0;
  private readonly listeners = new Set<(item: ReceivedItem | null) => void>();

  constructor(private readonly capacity: ReceivedCapacity = { items: 5_000, bytes: 64 * 1024 * 1024 }) {}

  add(given: Omit<ReceivedItem, 'id'>, bytes: number): ReceivedItem {
    this.lastId += 1;
    const item = { id: this.lastId, ...given };
    this.items.push({ item, bytes });
    this.bytes += bytes;
    while (this.items.length > this.capacity.items || (this.bytes > this.capacity.bytes && this.items.length > 1)) {
      this.bytes -= this.items.shift()!.bytes;
    }
    for (const listener of this.listeners) listener(item);
    return item;
  }

  list(filter: ReceivedFilter = {}): ReceivedItem[] {
    const found = this.items.map(({ item }) => item).filter((item) => matches(item, filter));
    return filter.limit === undefined ? found : found.slice(Math.max(0, found.length - filter.limit));
  }

  find(id: number): ReceivedItem | undefined {
    return this.items.find(({ item }) => item.id === id)?.item;
  }

  clear(): void {
    this.items = [];
    this.bytes = 0;
    for (const listener of this.listeners) listener(null);
  }

  /** Calls back with every new item, and with null when all were cleared. Answers how to stop. */
  subscribe(listener: (item: ReceivedItem | null) => void): () => void {
    this.listeners.add(listener);
    return () => this.listeners.delete(listener);
  }
}

function matches(item: ReceivedItem, { platform, since, path, accepted }: ReceivedFilter): boolean {
  if (platform !== undefined && item.platform !== platform) return false;
  if (typeof since === 'number' && item.id <= since) return false;
  if (typeof since === 'string' && Date.parse(item.at) <= Date.parse(since)) return false;
  if (path !== undefined && !item.path.startsWith(path)) return false;
  return accepted === undefined || item.accepted === accepted;
}
