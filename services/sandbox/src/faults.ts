/** Misbehaviour on command. The first fault that matches is played, `times` times or until it is deleted. */
import type { PlatformId } from './platforms/platform.js';
import type { RecordedAnswerName } from './recorded-answers.js';

export const httpFaultKinds = [
  'status',
  'answer',
  'hang',
  'reset',
  'close',
  'slow',
  'html',
  'huge',
  'bomb',
  'empty',
] as const;
export const mailFaultKinds = ['smtp', 'hang', 'reset', 'slow'] as const;
export const mailStages = ['connect', 'auth', 'mail', 'rcpt', 'data'] as const;
export type MailStage = (typeof mailStages)[number];

export interface HttpFault {
  readonly platform?: PlatformId;
  readonly kind: (typeof httpFaultKinds)[number];
  /** How the path with its query begins. */
  readonly path?: string;
  /** The robot's token. */
  readonly token?: string;
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** One of the platforms' recorded answers, in place of status, headers and body. */
  readonly recorded?: RecordedAnswerName;
  readonly delayMs?: number;
  /** The platform takes the message all the same; only its answer is lost or wrong. */
  readonly accepted?: boolean;
  readonly times?: number;
}

export interface MailFault {
  readonly platform: 'mail';
  readonly kind: (typeof mailFaultKinds)[number];
  readonly stage?: MailStage;
  /** The recipient. */
  readonly address?: string;
  readonly code?: number;
  readonly text?: string;
  readonly delayMs?: number;
  readonly accepted?: boolean;
  readonly times?: number;
}

export type Fault = HttpFault | MailFault;

interface Entry {
  readonly id: string;
  readonly fault: Fault;
  left: number;
}

export const isMailFault = (fault: Fault): fault is MailFault => fault.platform === 'mail';

export class Faults {
  private entries: Entry[] = [];
  private lastId = 0;

  add(fault: Fault): string {
    this.lastId += 1;
    const id = `fault-${this.lastId}`;
    this.entries.push({ id, fault, left: fault.times ?? Number.POSITIVE_INFINITY });
    return id;
  }

  list(): readonly ({ readonly id: string } & Fault)[] {
    return this.entries.map(({ id, fault, left }) => ({ id, ...fault, ...(Number.isFinite(left) && { times: left }) }));
  }

  remove(id: string): boolean {
    const before = this.entries.length;
    this.entries = this.entries.filter((entry) => entry.id !== id);
    return this.entries.length < before;
  }

  clear(): void {
    this.entries = [];
  }

  takeForHttp(platform: PlatformId, path: string, token: string | undefined): HttpFault | undefined {
    return this.take(
      (fault): fault is HttpFault =>
        !isMailFault(fault) &&
        (fault.platform === undefined || fault.platform === platform) &&
        (fault.path === undefined || path.startsWith(fault.path)) &&
        (fault.token === undefined || fault.token === token),
    );
  }

  takeForMail(stage: MailStage, addresses: readonly string[] = []): MailFault | undefined {
    return this.take(
      (fault): fault is MailFault =>
        isMailFault(fault) &&
        (fault.stage ?? 'data') === stage &&
        (fault.address === undefined || addresses.includes(fault.address)),
    );
  }

  private take<Wanted extends Fault>(matches: (fault: Fault) => fault is Wanted): Wanted | undefined {
    const entry = this.entries.find(({ fault }) => matches(fault));
    if (!entry) return undefined;
    entry.left -= 1;
    if (entry.left <= 0) this.remove(entry.id);
    return entry.fault as Wanted;
  }
}
