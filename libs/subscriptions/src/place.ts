/**
 * A place in a list that is read in the order of making. It stays one when what stood there is removed. Times are those that
 * people see, in milliseconds; the lists are short, so no index is needed for them.
 */
export interface Place {
  /** `createdAt` as it is shown. */
  readonly at: string;
  readonly id: string;
}

export function placeOf(table: string): string {
  return `date_trunc('milliseconds', ${table}.created_at), ${table}.id`;
}

/** The parameters `$first` and the one after it are the place's time and id; null is before everything. */
export function isAfter(table: string, first: number): string {
  return `($${first}::timestamptz is null or (${placeOf(table)}) > ($${first}, $${first + 1}::uuid))`;
}
