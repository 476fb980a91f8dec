/** CloudEvents 1.0 over HTTP as posts (api.md). https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/http-protocol-binding.md */
import type { EventIdentity } from '@herald/contracts';
import { type FieldError, Problem, unstorable } from '@herald/platform';

export interface CloudEventPost {
  readonly body: unknown;
  readonly identity: EventIdentity;
  readonly placeOf: (path: string) => string;
}

const required = ['specversion', 'id', 'source', 'type', 'subject'] as const;
/** What stands in the attributes, and so not in `data`. */
const places: Readonly<Record<string, string>> = { '/id': '/id', '/accountId': '/subject', '/subtype': '/type' };

/** `attributes` are those of the event, `data` its payload: the same in all three modes. Throws a Problem. */
export function fromCloudEvent(attributes: Readonly<Record<string, unknown>>, data: unknown): CloudEventPost {
  const errors: FieldError[] = required.flatMap((name) =>
    typeof attributes[name] === 'string' && attributes[name] !== ''
      ? []
      : [{ path: `/${name}`, message: 'is required' }],
  );
  const { specversion, time } = attributes;
  if (typeof specversion === 'string' && specversion !== '' && specversion !== '1.0') {
    errors.push({ path: '/specversion', message: 'expected 1.0' });
  }
  for (const name of required) errors.push(...unstorable(attributes[name], [name]));
  if (data === null || typeof data !== 'object' || Array.isArray(data)) {
    errors.push({ path: '/data', message: 'expected the body of an event, as JSON' });
  } else {
    for (const name of ['id', 'accountId', 'subtype']) {
      if (Object.hasOwn(data, name))
        errors.push({ path: `/data/${name}`, message: 'stands in the attributes of a CloudEvent' });
    }
  }
  if (errors.length > 0) throw new Problem(422, 'The CloudEvent is not valid.', { errors });
  const { source, id, type, subject } = attributes as Record<string, string>;
  const isTimed = time !== undefined && !Object.hasOwn(data as object, 'occurredAt');
  return {
    body: { ...(data as object), accountId: subject, subtype: type, ...(isTimed ? { occurredAt: time } : {}) },
    identity: { kind: 'cloudevent', source: source!, id: id! },
    placeOf: (path) => places[path] ?? (isTimed && path === '/occurredAt' ? '/time' : `/data${path}`),
  };
}

/** Structured mode: attributes and `data` in one object. */
export function fromStructured(value: unknown): CloudEventPost {
  if (value === null || typeof value !== 'object' || Array.isArray(value))
    throw new Problem(422, 'Expected a CloudEvent.');
  const { data, ...attributes } = value as Record<string, unknown>;
  return fromCloudEvent(attributes, data);
}

/** Binary mode: attributes in `ce-` headers, percent-encoded where they need it. */
export function fromBinary(
  headers: Readonly<Record<string, string | string[] | undefined>>,
  data: unknown,
): CloudEventPost {
  const attributes: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (name.startsWith('ce-') && typeof value === 'string') attributes[name.slice('ce-'.length)] = decoded(value);
  }
  return fromCloudEvent(attributes, data);
}

function decoded(value: string): string {
  try {
    return decodeURIComponent(value);
  } catch {
    return value;
  }
}
