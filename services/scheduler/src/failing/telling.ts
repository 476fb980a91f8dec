/**
 * What an account hears of a webhook that fails (domain.md, failing for 120 h): that it does, at most daily; that Herald
 * switched it off; that it works again. Pure.
 */
const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;
const TOLD_AFTER_MS = HOUR_MS;
const DISABLED_AFTER_MS = 120 * HOUR_MS;

/** As people's switching off is kept; they need not be told. */
export const SWITCHED_OFF = 'switched off';
/** Why Herald switched it off, where no provider said so. */
export const KEPT_FAILING = 'kept-failing';

export interface FailingWebhook {
  readonly status: 'enabled' | 'disabled' | 'failing' | 'tripped';
  readonly statusReason: string | null;
  readonly failingSince: Date | null;
  readonly lastSuccessAt: Date | null;
  readonly revision: number;
}

export type News = 'failing' | 'disabled' | 'works';

export interface Told {
  readonly kind: News;
  readonly failingSince: Date;
  /** When `failing` or `disabled` was told last. */
  readonly toldAt: Date;
  /** Of the settings that it was told of. */
  readonly revision: number;
}

export type Step =
  | { readonly do: 'nothing' }
  | { readonly do: 'disable' }
  | { readonly do: 'tell'; readonly news: News; readonly failingSince: Date }
  /** What was told is of no use any more. */
  | { readonly do: 'forget' };

const nothing: Step = { do: 'nothing' };

/** `webhook` is null where it was removed. */
export function nextStep(webhook: FailingWebhook | null, told: Told | null, now: Date): Step {
  if (!webhook) return told ? { do: 'forget' } : nothing;
  if (webhook.status === 'disabled') return whileDisabled(webhook, told, now);
  const since = webhook.failingSince;
  if (since) {
    const forMs = now.getTime() - since.getTime();
    if (forMs >= DISABLED_AFTER_MS) return { do: 'disable' };
    const isShown = webhook.status === 'failing' || forMs >= TOLD_AFTER_MS;
    const isRepeat = told !== null && now.getTime() - told.toldAt.getTime() < DAY_MS;
    return isShown && !isRepeat ? { do: 'tell', news: 'failing', failingSince: since } : nothing;
  }
  if (!told) return nothing;
  if (told.kind === 'works') return now.getTime() - told.toldAt.getTime() < DAY_MS ? nothing : { do: 'forget' };
  const hasWorked = webhook.lastSuccessAt !== null && webhook.lastSuccessAt > told.failingSince;
  return hasWorked ? { do: 'tell', news: 'works', failingSince: told.failingSince } : nothing;
}

function whileDisabled({ statusReason, failingSince, revision }: FailingWebhook, told: Told | null, now: Date): Step {
  if (statusReason === SWITCHED_OFF) return told ? { do: 'forget' } : nothing;
  if (told?.kind === 'disabled' && told.revision === revision) return nothing;
  return { do: 'tell', news: 'disabled', failingSince: failingSince ?? now };
}
