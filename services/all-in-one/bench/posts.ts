/** What the load posts: events of one size that differ in a number, ready for the wire. */

/** In every title, before the event's number in nine digits: how the sink recognises events. */
export const EVENT_MARK = 'Event no. ';

export interface Target {
  readonly accountId: string;
  readonly subtype: string;
}

export interface PostPlan {
  readonly host: string;
  readonly port: number;
  readonly key: string;
  readonly targets: readonly Target[];
  /** Events per request; 1 = single posts. */
  readonly batch: number;
  readonly bodyBytes: number;
  /** Put before the number to make the producer's key; without it events carry no key. */
  readonly keyPrefix?: string;
}

const words = 'The instance i-example in cn-hangzhou reported a state that its owner may want to look at. ';

const digits = (number: number) => String(number).padStart(9, '0');

/** Requests by the number of their first event; an event goes to the target of its number. */
export function makePosts(plan: PostPlan): (first: number) => string {
  const text = words.repeat(Math.ceil(plan.bodyBytes / words.length)).slice(0, plan.bodyBytes);
  const fields = plan.targets.map(({ accountId, subtype }) =>
    JSON.stringify({ accountId, subtype, body: text, locale: 'en-US', product: 'ecs', region: 'cn-hangzhou' }).slice(1),
  );
  const event = (number: number) => {
    const id = plan.keyPrefix === undefined ? '' : `"id":"${plan.keyPrefix}${digits(number)}",`;
    return `{${id}"title":"${EVENT_MARK}${digits(number)}",${fields[number % fields.length]}`;
  };
  const head = (path: string, length: number) =>
    `POST ${path} HTTP/1.1\r\nhost: ${plan.host}:${plan.port}\r\nauthorization: Bearer ${plan.key}\r\n` +
    `content-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
  if (plan.batch === 1) {
    return (first) => {
      const body = event(first);
      return head('/v1/events', body.length) + body;
    };
  }
  return (first) => {
    const events = Array.from({ length: plan.batch }, (_, index) => event(first + index));
    const body = `{"events":[${events.join(',')}]}`;
    return head('/v1/events/batch', body.length) + body;
  };
}
