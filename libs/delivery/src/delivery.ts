/**
 * The words of this library. A delivery is one message for one destination. A pass is one run of it, from the event or a
 * replay until it ends; an attempt is one call to the provider within a pass. An outcome is what a step of a pass led to.
 */
import type {
  AccountId,
  Content,
  DeliveryChannel,
  DeliveryId,
  DestinationId,
  EventId,
  Lane,
  MessageId,
  Reason,
  Severity,
} from '@herald/contracts';

export interface Delivery {
  readonly deliveryId: DeliveryId;
  /** The event row's time: it names the partition (semantics 8). */
  readonly acceptedAt: Date;
  /** Null in Herald's own mails. */
  readonly messageId: MessageId | null;
  readonly eventId: EventId | null;
  readonly accountId: AccountId;
  readonly channel: DeliveryChannel;
  readonly destinationId: DestinationId;
  readonly label: string;
  readonly lane: Lane;
  readonly category: string;
  readonly subtype: string;
  readonly severity: Severity;
  readonly occurredAt: Date;
  readonly expiresAt: Date | null;
}

export type Trigger = 'event' | 'retry' | 'probe' | 'replay';

export interface Attempt {
  readonly startedAt: Date;
  readonly durationMs: number;
  readonly trigger: Trigger;
  readonly httpStatus: number | null;
  readonly providerCode: string | null;
  /** What the provider said, free of secrets. */
  readonly providerMessage: string | null;
  /** The failure kind; null for a success. */
  readonly error: string | null;
  readonly retryAfterSeconds: number | null;
  /** The request was written and no answer came (semantics 18). */
  readonly ambiguous: boolean;
}

/** How a pass ends when its last time comes. */
export type LastReason = 'EXPIRED' | 'RETRIES_EXHAUSTED';

export type Outcome =
  | { readonly status: 'delivered'; readonly attempt: Attempt }
  | { readonly status: 'dead'; readonly reason: Reason; readonly attempt: Attempt | null }
  | { readonly status: 'suppressed'; readonly reason: Reason }
  | Scheduled
  | Parked
  /** Nothing happened: its lease was about to run out. Somebody else may have the row at once (semantics 19). */
  | { readonly status: 'released' };

/** To be tried again at a time. */
export interface Scheduled {
  readonly status: 'scheduled';
  readonly dueAtMs: number;
  readonly spent: number;
  readonly wasAmbiguous: boolean;
  readonly attempt: Attempt | null;
}

/** To be pulled when its destination can take it (semantics 20). */
export interface Parked {
  readonly status: 'parked';
  readonly why: 'busy' | 'breaker' | 'bucket';
  /** Nothing of the destination is pulled before. */
  readonly resumeInMs: number | null;
  /** Of the settings that this was said to; 0 where they were not looked at. */
  readonly revision: number;
  readonly spent: number;
  readonly wasAmbiguous: boolean;
  readonly attempt: Attempt | null;
}

/** One run of a delivery through the pipeline. */
export interface Pass {
  readonly delivery: Delivery;
  /** Inline, or read by event id before the attempt. */
  content: Content | null;
  /** 1, and one more with every replay. */
  readonly number: number;
  /** Of the open row as this process leased it; 0 while there is no row: such a number never fits. */
  fence: number;
  /** Attempts of this pass that count. */
  readonly spent: number;
  readonly wasAmbiguous: boolean;
  readonly trigger: Trigger;
  /** Database time at which the pass ends, whatever it waits for (semantics 24). */
  readonly lastAtMs: number;
  readonly lastReason: LastReason;
  /** Monotonic; an attempt starts only while the rest exceeds the attempt's limit (semantics 19). Infinity without a row. */
  leaseEndsMs: number;
  /** A token of each of the destination's buckets was taken already, by whoever pulled it. */
  readonly hasTokens: boolean;
}

export function isProbe(pass: Pass): boolean {
  return pass.trigger === 'probe';
}

/** The first run of a delivery, from its event: there is no row yet. */
export function firstPass(delivery: Delivery, content: Content | null, spanMs: number): Pass {
  const spanEndsMs = delivery.acceptedAt.getTime() + spanMs;
  const expiresMs = delivery.expiresAt?.getTime() ?? Number.POSITIVE_INFINITY;
  return {
    delivery,
    content,
    number: 1,
    fence: 0,
    spent: 0,
    wasAmbiguous: false,
    trigger: 'event',
    lastAtMs: Math.min(spanEndsMs, expiresMs),
    lastReason: expiresMs < spanEndsMs ? 'EXPIRED' : 'RETRIES_EXHAUSTED',
    leaseEndsMs: Number.POSITIVE_INFINITY,
    hasTokens: false,
  };
}
