import { Problem } from '@herald/platform';

/** `usedIn` names scopes of subscriptions, and `account` for the default recipient. */
export function refusedInUse(noun: 'recipient' | 'webhook', usedIn: readonly string[]): Problem {
  const detail = `The ${noun} is in use: ${usedIn.join(', ')}. Take it out there, or delete it with ?force=true.`;
  return new Problem(409, detail, {
    errors: usedIn.map((scope) => ({
      path: scope === 'account' ? '/account/defaultRecipientId' : `/subscriptions/${scope}`,
      message: `uses this ${noun}`,
    })),
  });
}
