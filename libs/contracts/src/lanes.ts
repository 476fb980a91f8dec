/** Three lanes with topics and budgets of their own, so that a security alert never waits behind a promotion. */
export const lanes = ['urgent', 'normal', 'bulk'] as const;
export type Lane = (typeof lanes)[number];

export const severities = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof severities)[number];

export function atLeast(severity: Severity, minimum: Severity): boolean {
  return severities.indexOf(severity) >= severities.indexOf(minimum);
}

export function higherSeverity(a: Severity, b: Severity): Severity {
  return atLeast(a, b) ? a : b;
}

/** The lane follows the effective severity: critical is always urgent (domain.md, Subtypes). */
export function laneFor(categoryLane: Lane, effective: Severity): Lane {
  return effective === 'critical' ? 'urgent' : categoryLane;
}
