/** What an account may hold (domain.md, Limits). */
export const RECIPIENTS_PER_ACCOUNT = 50;
export const WEBHOOKS_PER_ACCOUNT = 50;
