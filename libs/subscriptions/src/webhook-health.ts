/**
 * What deliveries tell about their webhooks, written on a change of state and else at most every 30 s (semantics 25): a
 * busy webhook must not cost a second write per delivery.
 */
import type { Logger } from '@herald/platform';
import type { WebhookHealthStore, WebhookReport, WebhookRevision } from './webhook-health.store.js';

const WRITE_EVERY_MS = 30_000;
/** Looked at this often; a change of state is written at once. */
const LOOK_EVERY_MS = 1_000;
/** Quiet this long, a webhook is forgotten: its next answer is a change of state again. */
const FORGOTTEN_AFTER_MS = 10 * 60_000;

interface State extends WebhookRevision {
  works: boolean;
  failures: number;
  lastSuccessAt: Date | null;
  refusedBecause: string | null;
  isDue: boolean;
  hasNews: boolean;
  writtenAtMs: number;
  touchedAtMs: number;
}

export interface WebhookHealthParts {
  readonly store: Pick<WebhookHealthStore, 'report' | 'disable'>;
  /** Database time. */
  readonly now: () => Date;
  /** Monotonic, in milliseconds. */
  readonly nowMs: () => number;
  readonly logger: Logger;
}

export class WebhookHealth {
  private readonly states = new Map<string, State>();
  private timer: NodeJS.Timeout | undefined;
  private writing: Promise<void> = Promise.resolve();

  constructor(private readonly parts: WebhookHealthParts) {}

  start(): void {
    this.timer ??= setInterval(() => void this.write(), LOOK_EVERY_MS);
  }

  /** Writes what isn't written yet. */
  async stop(): Promise<void> {
    clearInterval(this.timer);
    this.timer = undefined;
    for (const state of this.states.values()) state.isDue = state.hasNews;
    await this.write();
  }

  succeeded(webhook: WebhookRevision): void {
    const state = this.stateOf(webhook);
    if (!state.works) state.isDue = true;
    state.works = true;
    state.failures = 0;
    state.refusedBecause = null;
    state.lastSuccessAt = this.parts.now();
    state.hasNews = true;
  }

  /** Any answer that isn't a success, or none. `refusedBecause`: credentials or address were refused, so it is failing. */
  failed(webhook: WebhookRevision, refusedBecause: string | null = null): void {
    const state = this.stateOf(webhook);
    if (state.works || (refusedBecause !== null && state.refusedBecause === null)) state.isDue = true;
    state.works = false;
    state.failures += 1;
    state.refusedBecause ??= refusedBecause;
    state.hasNews = true;
  }

  /** It is gone (410, a dissolved group): switched off for good. */
  async disable(webhook: WebhookRevision, reason: string): Promise<boolean> {
    return this.parts.store.disable(webhook, reason);
  }

  /** Resolves when everything due has been written, or could not be: then it stays due. */
  write(): Promise<void> {
    this.writing = this.writing.then(() => this.writeDue());
    return this.writing;
  }

  private async writeDue(): Promise<void> {
    const nowMs = this.parts.nowMs();
    const due: State[] = [];
    for (const [key, state] of this.states) {
      if (state.hasNews && (state.isDue || nowMs - state.writtenAtMs >= WRITE_EVERY_MS)) due.push(state);
      else if (!state.hasNews && nowMs - state.touchedAtMs >= FORGOTTEN_AFTER_MS) this.states.delete(key);
    }
    if (due.length === 0) return;
    const reports = due.map(reportOf);
    for (const state of due) {
      Object.assign(state, { isDue: false, hasNews: false, failures: 0, lastSuccessAt: null, writtenAtMs: nowMs });
    }
    try {
      await this.parts.store.report(reports);
    } catch (error) {
      this.parts.logger.warn({ error }, 'the state of webhooks could not be written; it is tried again');
      for (const [index, state] of due.entries()) keep(state, reports[index]!);
    }
  }

  private stateOf(webhook: WebhookRevision): State {
    const key = `${webhook.webhookId}:${webhook.revision}`;
    let state = this.states.get(key);
    if (!state) {
      // Nothing is known of it: its first answer is a change of state.
      state = {
        ...webhook,
        works: true,
        failures: 0,
        lastSuccessAt: null,
        refusedBecause: null,
        isDue: true,
        hasNews: false,
        writtenAtMs: Number.NEGATIVE_INFINITY,
        touchedAtMs: 0,
      };
      this.states.set(key, state);
    }
    state.touchedAtMs = this.parts.nowMs();
    return state;
  }
}

function reportOf({
  accountId,
  webhookId,
  revision,
  failures,
  lastSuccessAt,
  works,
  refusedBecause,
}: State): WebhookReport {
  return { accountId, webhookId, revision, failures, lastSuccessAt, works, refusedBecause };
}

/** What a write that failed would have told, put under what has happened since. */
function keep(state: State, lost: WebhookReport): void {
  state.isDue = true;
  state.hasNews = true;
  if (state.lastSuccessAt === null) {
    state.lastSuccessAt = lost.lastSuccessAt;
    if (!state.works) state.failures += lost.failures;
  }
}
