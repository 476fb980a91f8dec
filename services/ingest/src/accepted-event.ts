/** From a valid post to the record that is published. Pure. */
import {
  type Audience,
  type EventAccepted,
  type EventBody,
  type EventId,
  findCategory,
  higherSeverity,
  laneFor,
  type ProducerId,
  type Subtype,
} from '@herald/contracts';

const EVENT_LOCALE = 'zh-CN';

export interface Acceptance {
  readonly eventId: EventId;
  readonly producerId: ProducerId;
  readonly acceptedAt: Date;
  readonly fingerprint: string;
  readonly requestId: string | null;
}

export function acceptedEvent(body: EventBody, subtype: Subtype, acceptance: Acceptance): EventAccepted {
  const severity = higherSeverity(body.severity ?? 'info', subtype.severity);
  const acceptedAt = acceptance.acceptedAt.toISOString();
  return {
    v: 1,
    eventId: acceptance.eventId,
    producerId: acceptance.producerId,
    acceptedAt,
    fingerprint: acceptance.fingerprint,
    audience: (body.accountId === undefined ? body.audience : { accountId: body.accountId }) as Audience,
    category: subtype.category,
    subtype: subtype.code,
    severity,
    lane: laneFor(findCategory(subtype.category)!.lane, severity),
    content: {
      locale: body.locale ?? EVENT_LOCALE,
      title: body.title,
      body: body.body,
      translations: body.translations ?? {},
      links: body.links ?? [],
      product: body.product ?? null,
      region: body.region ?? null,
      resourceIds: body.resourceIds ?? [],
      labels: body.labels ?? {},
      dedupKey: body.dedupKey ?? null,
    },
    occurredAt: body.occurredAt === undefined ? acceptedAt : new Date(body.occurredAt).toISOString(),
    expiresAt: body.expiresAt === undefined ? null : new Date(body.expiresAt).toISOString(),
    requestId: acceptance.requestId,
  };
}
