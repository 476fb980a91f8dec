/**
 * What a channel is. It describes, the runtime decides: a channel never retries, sleeps, logs, reads the environment
 * or a clock, touches no Kafka, PostgreSQL or Redis, and holds no state; configuration is an argument.
 */
import type {
  AccountId,
  Content,
  DeliveryChannel,
  DeliveryId,
  EventId,
  Locale,
  MessageId,
  Severity,
} from '@herald/contracts';
import type { z } from 'zod';

/** One message as a channel renders it. `content.body` is Markdown as the producer sent it: hostile input. */
export interface OutboundMessage {
  readonly deliveryId: DeliveryId;
  readonly messageId: MessageId;
  readonly eventId: EventId;
  readonly accountId: AccountId;
  readonly category: string;
  readonly subtype: string;
  /** Names of category and subtype in `locale`, as plain text. */
  readonly categoryName: string;
  readonly subtypeName: string;
  readonly severity: Severity;
  /** The reader's language; the text is in it where the producer gave a translation. */
  readonly locale: Locale;
  readonly content: Content;
  readonly occurredAt: Date;
  readonly occurrences: number;
  readonly test: boolean;
  /** Where the whole message can be read: linked where a channel had to cut. */
  readonly messageUrl: string;
  /** One-click unsubscribe address (RFC 8058), where the reader may opt out. */
  readonly unsubscribeUrl?: string;
}

export interface Rendered<Payload> {
  readonly payload: Payload;
  /** True when the provider's limit made the channel leave something out. */
  readonly cut: boolean;
}

export interface Receipt {
  /** HTTP status, or the SMTP reply code. */
  readonly status: number;
  readonly providerCode: string;
  /** What the provider said, cut to 4 KB and free of secrets. */
  readonly providerMessage: string;
}

export type FailureKind =
  | 'throttled'
  | 'provider-down'
  | 'timeout'
  | 'bad-credentials'
  | 'bad-destination'
  | 'bad-message'
  | 'unknown';

/** What an answer (or its absence) means; the pipeline decides what to do about it (walk.md, the pipeline). */
export interface Failure {
  readonly kind: FailureKind;
  /** The request was written and no answer came: it may have been delivered (semantics 18). */
  readonly ambiguous: boolean;
  /** The provider's code, e.g. `310000`, `HTTP 503`, `ECONNREFUSED`, `550 5.1.1`. Never empty. */
  readonly providerCode: string;
  readonly providerMessage: string;
  readonly status: number | null;
  /** Seconds: the provider's Retry-After, or the value its documentation gives for this code. */
  readonly retryAfterSeconds?: number;
  /** True where the provider named the time itself (Retry-After), false where it is our table's value. */
  readonly retryAfterStated?: boolean;
  /** The destination itself is gone for good: disable it (410, dissolved group). */
  readonly gone?: boolean;
  /** What the owner can do about it, a key of the advice catalogue such as `keyword-missing`. */
  readonly advice?: string;
  /** At a custom webhook: other 4xx, at most 3 attempts in all (domain.md, retried). */
  readonly attemptsAtMost?: number;
}

/** Thrown by `send`: the one way an attempt fails. */
export class ProviderError extends Error {
  override readonly name = 'ProviderError';
  constructor(
    readonly failure: Failure,
    options?: ErrorOptions,
  ) {
    super(`${failure.kind}: ${failure.providerCode}`, options);
  }
}

export interface HttpRequest {
  readonly method: 'POST' | 'GET';
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string;
  /** Taken out of the answer, besides the URL and the pieces of it that may be credentials: some providers quote them. */
  readonly secrets?: readonly string[];
}

export interface HttpAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Cut at 64 KB, without the request's secrets. */
  readonly text: string;
  /** The connection broke, or the time was up, before the whole body was here. */
  readonly isPartial?: true;
}

/** The runtime's guarded client. It rejects with a ProviderError: nobody answered, or the address may not be called. */
export interface HttpIo {
  request(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer>;
  /** The same guard for a library that takes a `fetch` (Slack's). */
  readonly fetch: typeof fetch;
}

export interface MailMessage {
  readonly from: { readonly name: string; readonly address: string };
  readonly to: { readonly name: string; readonly address: string };
  readonly subject: string;
  readonly text: string;
  readonly html: string;
  readonly messageId: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly listUnsubscribe?: string;
}

/** nodemailer's error, and whether the message itself had been written when it came. */
export type MailError = Error & {
  readonly code?: string;
  readonly responseCode?: number;
  readonly response?: string;
  readonly command?: string;
  readonly isWritten?: boolean;
};

/** One SMTP transaction over the runtime's pool. Rejects with a MailError. */
export interface MailIo {
  send(message: MailMessage, signal: AbortSignal): Promise<{ readonly response: string }>;
}

export interface ChannelIo {
  readonly http: HttpIo;
  /** Absent where no mail server is configured. */
  readonly mail: MailIo | null;
  /** Wall clock, for signatures. */
  readonly now: () => Date;
  readonly signal: AbortSignal;
}

/** A provider's limit, respected before it bites: `capacity` calls per `perMs`, refilled evenly. `key` names who shares it. */
export interface ProviderLimit {
  readonly key: string;
  readonly capacity: number;
  readonly perMs: number;
}

export interface Channel<Config = unknown, Payload = unknown> {
  readonly id: DeliveryChannel;
  /**
   * What a destination of this channel needs. The one source of validation, form, masking and docs: secret fields carry
   * `.meta({ secret: true })`. Validates shape and host allow-list; the address itself is checked when connecting. What it
   * gives out (defaults filled in, addresses trimmed) is what is stored, and what `render` and `send` take.
   */
  readonly config: z.ZodType<Config>;
  /** Pure. Escapes for its markup, cuts at the provider's byte limit and says so. */
  render(message: OutboundMessage, config: Config): Rendered<Payload>;
  /** Exactly one attempt. Resolves with a receipt or throws a ProviderError. */
  send(payload: Payload, config: Config, io: ChannelIo, message: OutboundMessage): Promise<Receipt>;
  /**
   * Provider limits of this destination: its own first, then those it shares with others. `key` must not hold a secret: derive it
   * by hash.
   */
  limits(config: Config): readonly ProviderLimit[];
}
