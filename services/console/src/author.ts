/** Who made a change, as the history names them. */
import type { PersonCaller } from '@herald/platform';

export function authorOf({ email, userId }: PersonCaller): string {
  return email || userId;
}
