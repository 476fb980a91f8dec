/** Publishes big audiences page by page, so that no record holds its partition for minutes (semantics 11). */
import { setTimeout as sleep } from 'node:timers/promises';
import type { AccountId } from '@herald/contracts';
import { type Bus, type DatabaseClock, isNotNow, type Logger } from '@herald/platform';
import type { AudiencePageStore, ClaimedPage, EventStore, SettingsSnapshot } from '@herald/subscriptions';
import { routedRecords } from './routed-records.js';

const ACCOUNTS_PER_PAGE = 500;
const LOOK_EVERY_MS = 500;

export interface PagerParts {
  readonly bus: Bus;
  readonly clock: DatabaseClock;
  readonly events: EventStore;
  readonly pages: AudiencePageStore;
  readonly snapshot: SettingsSnapshot;
  readonly logger: Logger;
}

export class AudiencePager {
  private isStopped = false;
  private running: Promise<void> | undefined;

  constructor(private readonly parts: PagerParts) {}

  start(): void {
    this.running = this.run();
  }

  async stop(): Promise<void> {
    this.isStopped = true;
    await this.running;
  }

  /** One page, if one is due. True where there was one. */
  async step(): Promise<boolean> {
    const page = await this.parts.pages.claim();
    if (!page) return false;
    try {
      await this.publishPage(page);
    } catch (error) {
      await this.parts.pages.giveBack(page).catch(() => {});
      throw error;
    }
    return true;
  }

  private async run(): Promise<void> {
    while (!this.isStopped) {
      try {
        if (await this.step()) continue;
      } catch (error) {
        const level = isNotNow(error) ? 'warn' : 'error';
        this.parts.logger[level]({ error }, 'a page of an audience could not be published; it is tried again');
      }
      await sleep(LOOK_EVERY_MS);
    }
  }

  private async publishPage(page: ClaimedPage): Promise<void> {
    const { bus, clock, events, pages, snapshot } = this.parts;
    const event = (await events.find([page.eventId])).get(page.eventId);
    if (!event) throw new Error(`the event ${page.eventId} of a page is gone`);
    const listed = 'accountIds' in event.audience ? event.audience.accountIds : null;
    const members = await pages.accountsAfter(page, listed, ACCOUNTS_PER_PAGE);
    const last = members.at(-1);
    if (!last) return pages.finish(page);
    const accounts = await snapshot.accounts(members.map(({ id }) => id as AccountId));
    const routedAt = clock.now();
    await bus.publish([...accounts.values()].flatMap((account) => routedRecords(event, account.id, account, routedAt)));
    const isOurs = await pages.advance(page, last, accounts.size);
    if (!isOurs)
      this.parts.logger.warn(
        { eventId: page.eventId },
        'a page was published after its lease ran out; it will be repeated',
      );
  }
}
