/** The people of an account, and proving that their addresses are theirs. */
import {
  createRecipient,
  deleteRecipient,
  emailDestinationId,
  getRecipient,
  type InputOf,
  listRecipients,
  normaliseAddress,
  sendVerification,
  updateRecipient,
  verifyRecipient,
} from '@herald/contracts';
import { OwnMailStore } from '@herald/delivery';
import { CallerOf, Handles, Input, notFound, type PersonCaller, Problem, pageFrom } from '@herald/platform';
import { RecipientStore, VerificationStore } from '@herald/subscriptions';
import { Controller } from '@nestjs/common';
import { authorOf } from './author.js';
import { refusedInUse } from './in-use.js';
import { placeCursor } from './list-cursor.js';

@Controller()
export class RecipientsController {
  constructor(
    private readonly recipients: RecipientStore,
    private readonly verifications: VerificationStore,
    private readonly mails: OwnMailStore,
  ) {}

  @Handles(listRecipients)
  async list(@Input() { query }: InputOf<typeof listRecipients>, @CallerOf() caller: PersonCaller) {
    const rows = await this.recipients.list(caller.accountId!, query.limit, placeCursor(query.cursor));
    return pageFrom(rows, query.limit, ({ createdAt, id }) => [createdAt, id]);
  }

  @Handles(createRecipient)
  async create(@Input() { body }: InputOf<typeof createRecipient>, @CallerOf() caller: PersonCaller) {
    const created = await this.recipients.create(caller.accountId!, body, authorOf(caller));
    if (created === 'too many') throw new Problem(422, 'The account holds as many recipients as it may.');
    return created;
  }

  @Handles(getRecipient)
  async one(@Input() { params }: InputOf<typeof getRecipient>, @CallerOf() caller: PersonCaller) {
    const recipient = await this.recipients.find(caller.accountId!, params.id);
    if (!recipient) throw notFound();
    return recipient;
  }

  @Handles(updateRecipient)
  async update(@Input() { params, body }: InputOf<typeof updateRecipient>, @CallerOf() caller: PersonCaller) {
    const updated = await this.recipients.update(caller.accountId!, params.id, body, authorOf(caller));
    if (!updated) throw notFound();
    return updated;
  }

  @Handles(deleteRecipient)
  async remove(@Input() { params, query }: InputOf<typeof deleteRecipient>, @CallerOf() caller: PersonCaller) {
    const isForced = query.force === 'true';
    const result = await this.recipients.remove(caller.accountId!, params.id, isForced, authorOf(caller));
    if (!result) throw notFound();
    if (!result.removed) throw refusedInUse('recipient', result.usedIn);
  }

  @Handles(sendVerification)
  async sendVerification(@Input() { params }: InputOf<typeof sendVerification>, @CallerOf() caller: PersonCaller) {
    const accountId = caller.accountId!;
    const recipient = await this.recipients.find(accountId, params.id);
    if (!recipient) throw notFound();
    const destinationId = emailDestinationId(accountId, normaliseAddress(recipient.email));
    const started = await this.verifications.begin(accountId, recipient.id, async (tx, reference) => {
      await this.mails.enqueue(tx, {
        kind: 'verification',
        reference,
        accountId,
        destinationId,
        label: recipient.name,
      });
    });
    if (started.kind === 'unknown recipient') throw notFound();
    if (started.kind === 'too many') {
      throw new Problem(429, 'Too many verification mails. Try again later.', {
        headers: { 'retry-after': String(started.retryAfterSeconds) },
      });
    }
    return { status: 'sent' };
  }

  @Handles(verifyRecipient)
  async verify(@Input() { body }: InputOf<typeof verifyRecipient>) {
    const isToken = 'token' in body;
    const verified = isToken
      ? await this.verifications.verifyByToken(body.token)
      : await this.verifications.verifyByCode(body.recipientId, body.code);
    if (verified) return verified;
    throw new Problem(422, 'The address could not be verified.', {
      errors: [
        isToken
          ? { path: '/token', message: 'is wrong, or has run out: send a new verification mail' }
          : { path: '/code', message: 'is wrong, has run out, or was tried too often: send a new verification mail' },
      ],
    });
  }
}
