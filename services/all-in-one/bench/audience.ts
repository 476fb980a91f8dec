/** Accounts, their webhooks at the sink, and who posts: set up through the HTTP API, as an operator would. */
import type { Herald } from '../e2e/client.js';
import { sleep } from './clock.js';
import type { Target } from './posts.js';

/** Subtypes of the normal lane whose e-mail can be switched off: each webhook of an account hears one of them. */
const subtypes = [
  'svc_bill',
  'svc_invoice',
  'svc_ticket',
  'svc_contract',
  'svc_filing',
  'prod_created_activated',
  'prod_expiration',
  'prod_renewal_result',
  'prod_spec_change',
  'prod_quota_warning',
  'prod_edu_content',
  'account_refund',
  'account_payment_received',
  'account_coupon',
] as const;

const AT_A_TIME = 8;
/** A changed setting is in force everywhere by then (semantics 37). */
const IN_FORCE_AFTER_MS = 2_500;

export interface Audience {
  readonly key: string;
  /** Target i's events go to one custom webhook: the sink's endpoint i. */
  readonly targets: readonly Target[];
  readonly accountIds: readonly string[];
}

export interface AudienceOptions {
  readonly accounts: number;
  /** In all; an account with several has one per subtype. */
  readonly destinations: number;
  readonly sinkPort: number;
  /** Only accounts and a producer: nothing is subscribed. */
  readonly silent?: boolean;
}

export async function setUpAudience(herald: Herald, options: AudienceOptions): Promise<Audience> {
  const perAccount = Math.ceil(options.destinations / options.accounts);
  if (perAccount > subtypes.length) {
    throw new Error(`at most ${subtypes.length} destinations per account: give more --accounts`);
  }
  const run = `b${Date.now().toString(36)}`;
  const accountIds = Array.from({ length: options.accounts }, (_, index) => `${run}-${index}`);
  const targets = Array.from({ length: options.destinations }, (_, index) => ({
    accountId: accountIds[index % options.accounts] as string,
    subtype: subtypes[Math.floor(index / options.accounts)] as string,
  }));
  await eachOf(accountIds, async (id) => {
    const account = await herald.account(id);
    if (options.silent) return;
    for (const [endpoint, target] of targets.entries()) {
      if (target.accountId !== id) continue;
      const webhook = await account.webhook({
        name: `Endpoint ${endpoint}`,
        platform: 'webhook',
        url: `http://127.0.0.1:${options.sinkPort}/e/${endpoint}`,
      });
      await account.subscribe(target.subtype, { channels: { email: 0, webhook: 1 }, webhookIds: [webhook.id] });
    }
  });
  const producer = await herald.producer(run);
  await sleep(IN_FORCE_AFTER_MS);
  return { key: producer.key, targets, accountIds };
}

async function eachOf<T>(all: readonly T[], work: (item: T) => Promise<void>): Promise<void> {
  const rest = [...all];
  await Promise.all(
    Array.from({ length: AT_A_TIME }, async () => {
      for (let item = rest.shift(); item !== undefined; item = rest.shift()) await work(item);
    }),
  );
}
