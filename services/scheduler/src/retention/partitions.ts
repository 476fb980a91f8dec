/** Which days of deliveries there must be, and which have had their time (semantics 8). Days are UTC, as `YYYY-MM-DD`. Pure. */
const DAY_MS = 24 * 60 * 60_000;
const AHEAD_DAYS = 14;

export function dayOf(at: Date): string {
  return at.toISOString().slice(0, 10);
}

/** Yesterday's too: records of it may still be on the bus. */
export function daysAhead(now: Date): string[] {
  return Array.from({ length: AHEAD_DAYS + 2 }, (_, n) => dayOf(new Date(now.getTime() + (n - 1) * DAY_MS)));
}

/** Days that ended before what is kept began, oldest first. */
export function daysOver(days: readonly string[], now: Date, keptDays: number): string[] {
  const oldest = dayOf(new Date(now.getTime() - keptDays * DAY_MS));
  return days.filter((day) => day < oldest).sort();
}
