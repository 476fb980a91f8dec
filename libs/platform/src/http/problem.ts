/** Every error a caller sees: problem+json, RFC 9457. */
import type { ProblemBody } from '@herald/contracts';

export interface FieldError {
  /** A JSON pointer into what was sent, e.g. `/webhookIds/0`. */
  readonly path: string;
  readonly message: string;
}

const titles: Record<number, string> = {
  400: 'Bad request',
  401: 'Not signed in',
  403: 'Not allowed',
  404: 'Not found',
  405: 'Method not allowed',
  409: 'Conflict',
  413: 'Too large',
  415: 'Unsupported content type',
  422: 'Not valid',
  429: 'Too many requests',
  500: 'Internal error',
  503: 'Not available now',
};

export class Problem extends Error {
  override readonly name = 'Problem';
  constructor(
    readonly status: number,
    readonly detail?: string,
    readonly more: {
      readonly errors?: readonly FieldError[];
      readonly headers?: Readonly<Record<string, string>>;
    } = {},
  ) {
    super(detail ?? titles[status] ?? String(status));
  }

  get body(): ProblemBody {
    return {
      type: 'about:blank',
      title: titles[this.status] ?? 'Error',
      status: this.status,
      ...(this.detail === undefined ? {} : { detail: this.detail }),
      ...(this.more.errors ? { errors: [...this.more.errors] } : {}),
    };
  }
}

export const notFound = (): Problem => new Problem(404);

/** Nothing was accepted, or a repeat with the same key is harmless. */
export const unavailable = (detail: string, retryAfterSeconds = 1): Problem =>
  new Problem(503, detail, { headers: { 'retry-after': String(retryAfterSeconds) } });
