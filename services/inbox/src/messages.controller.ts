/** The inbox as people see it. */
import {
  type AccountId,
  deleteMessages,
  getMessage,
  getTimeline,
  getUnreadCounts,
  type InputOf,
  type Locale,
  listMessages,
  type MessageId,
  type MessageSelection,
  markMessagesRead,
  markMessagesUnread,
} from '@herald/contracts';
import { DeliveryStore } from '@herald/delivery';
import {
  CallerOf,
  decodeCursor,
  Handles,
  Input,
  notFound,
  type PersonCaller,
  Problem,
  pageFrom,
} from '@herald/platform';
import { SettingsSnapshot } from '@herald/subscriptions';
import { Controller, Headers } from '@nestjs/common';
import { acceptedLocale } from './accepted-locale.js';
import { type Change, type MessageRow, MessageStore } from './message.store.js';
import { fullMessage, listedMessage } from './message-view.js';
import { timelineOf } from './timeline.js';

@Controller()
export class MessagesController {
  constructor(
    private readonly messages: MessageStore,
    private readonly deliveries: DeliveryStore,
    private readonly snapshot: SettingsSnapshot,
  ) {}

  @Handles(getUnreadCounts)
  async unreadCounts(@CallerOf() caller: PersonCaller) {
    const byCategory = await this.messages.unreadCounts(caller.accountId!);
    return { total: Object.values(byCategory).reduce((sum, count) => sum + count, 0), byCategory };
  }

  @Handles(listMessages)
  async list(
    @Input() { query }: InputOf<typeof listMessages>,
    @CallerOf() caller: PersonCaller,
    @Headers('accept-language') accepts: string | undefined,
  ) {
    const { limit, cursor, locale, ...filter } = query;
    const rows = await this.messages.list(caller.accountId!, filter, limit, seqIn(cursor));
    const reader = await this.localeOf(caller, locale, accepts);
    const { items, nextCursor } = pageFrom(rows, limit, ({ seq }) => [seq]);
    return { items: items.map((row) => listedMessage(row, reader)), nextCursor };
  }

  @Handles(getMessage)
  async one(
    @Input() { params, query }: InputOf<typeof getMessage>,
    @CallerOf() caller: PersonCaller,
    @Headers('accept-language') accepts: string | undefined,
  ) {
    return fullMessage(
      await this.find(caller.accountId!, params.id),
      await this.localeOf(caller, query.locale, accepts),
    );
  }

  @Handles(getTimeline)
  async timeline(@Input() { params }: InputOf<typeof getTimeline>, @CallerOf() caller: PersonCaller) {
    const message = await this.find(caller.accountId!, params.id);
    return timelineOf(message, await this.deliveries.forMessage(message.id, message.acceptedAt));
  }

  @Handles(markMessagesRead)
  markRead(@Input() { body }: InputOf<typeof markMessagesRead>, @CallerOf() caller: PersonCaller) {
    return this.change(caller.accountId!, 'read', body);
  }

  @Handles(markMessagesUnread)
  markUnread(@Input() { body }: InputOf<typeof markMessagesUnread>, @CallerOf() caller: PersonCaller) {
    return this.change(caller.accountId!, 'unread', body);
  }

  @Handles(deleteMessages)
  delete(@Input() { body }: InputOf<typeof deleteMessages>, @CallerOf() caller: PersonCaller) {
    return this.change(caller.accountId!, 'delete', body);
  }

  private async change(account: AccountId, change: Change, selection: MessageSelection): Promise<{ changed: number }> {
    if ('ids' in selection) return { changed: await this.messages.changeByIds(account, change, selection.ids) };
    const seq = await this.messages.seqOf(account, selection.before);
    if (seq === null) {
      throw new Problem(422, 'What was sent is not valid.', {
        errors: [{ path: '/before', message: 'is not a message of this account' }],
      });
    }
    return { changed: await this.messages.changeByFilter(account, change, selection.filter, seq) };
  }

  private async find(account: AccountId, id: string): Promise<MessageRow> {
    const message = await this.messages.find(account, id as MessageId);
    if (!message) throw notFound();
    return message;
  }

  /** `?locale=`, else the user's, else Accept-Language, else the account's (api.md). */
  private async localeOf(
    caller: PersonCaller,
    asked: Locale | undefined,
    accepts: string | undefined,
  ): Promise<Locale> {
    const chosen = asked ?? caller.locale ?? acceptedLocale(accepts);
    if (chosen) return chosen;
    return (await this.snapshot.accounts([caller.accountId!])).get(caller.accountId!)?.locale ?? 'zh-CN';
  }
}

/** Arrival numbers are the cursors of the list. */
function seqIn(cursor: string | undefined): number | null {
  const values = decodeCursor(cursor, 1);
  if (values === null) return null;
  const seq = values[0];
  if (typeof seq === 'number' && Number.isSafeInteger(seq)) return seq;
  throw new Problem(422, 'What was sent is not valid.', {
    errors: [{ path: '/cursor', message: 'is not a cursor of this list' }],
  });
}
