/**
 * How far back things are compared and published again (semantics 33). Younger than the bus's retention would lose what the
 * bus has lost; as old as the deliveries' retention would send a month again when its partition is dropped.
 */
import { HORIZON_DAYS } from '@herald/contracts';
import { BUS_RETENTION_MS } from '@herald/platform';

const DAY_MS = 24 * 60 * 60_000;

export interface Keeping {
  readonly busRetentionMs: number;
  /** Also how long tombstones stay, and how old an event may be to be routed again (semantics 35). */
  readonly horizonMs: number;
  readonly deliveriesKeptMs: number;
}

export const DELIVERIES_KEPT_DAYS = 90;

export const keeping: Keeping = {
  busRetentionMs: BUS_RETENTION_MS,
  horizonMs: HORIZON_DAYS * DAY_MS,
  deliveriesKeptMs: DELIVERIES_KEPT_DAYS * DAY_MS,
};

export function checkHorizon({ busRetentionMs, horizonMs, deliveriesKeptMs }: Keeping): void {
  if (busRetentionMs <= horizonMs && horizonMs < deliveriesKeptMs) return;
  const days = (ms: number) => `${ms / DAY_MS} d`;
  throw new Error(
    `what is kept doesn't fit: bus ${days(busRetentionMs)} ≤ horizon ${days(horizonMs)} < deliveries ${days(deliveriesKeptMs)} must hold`,
  );
}
