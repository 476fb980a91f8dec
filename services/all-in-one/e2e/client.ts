/** A caller of Herald's HTTP API as an outsider writes one: it knows `docs` and nothing of the code. */

export interface Answer<Body = any> {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Body;
}

export interface CallOptions {
  readonly method?: string;
  readonly body?: unknown;
  readonly token?: string;
  readonly account?: string;
  readonly headers?: Record<string, string>;
  /** Sent as it is, for bad input. */
  readonly raw?: string | Uint8Array;
}

export async function call(url: string, options: CallOptions = {}): Promise<Answer> {
  const hasBody = options.body !== undefined || options.raw !== undefined;
  const answer = await fetch(url, {
    method: options.method ?? (hasBody ? 'POST' : 'GET'),
    headers: {
      ...(hasBody ? { 'content-type': 'application/json' } : {}),
      ...(options.token ? { authorization: `Bearer ${options.token}` } : {}),
      ...(options.account ? { 'x-herald-account': options.account } : {}),
      ...options.headers,
    },
    body: (options.raw ??
      (options.body === undefined ? undefined : JSON.stringify(options.body))) as RequestInit['body'],
    redirect: 'manual',
    signal: AbortSignal.timeout(20_000),
  });
  const text = await answer.text();
  let body: unknown = text;
  if (/json/.test(answer.headers.get('content-type') ?? '')) body = JSON.parse(text);
  return { status: answer.status, headers: answer.headers, body };
}

/** Fails with the problem the server named, so that a broken story says why. */
export async function expectStatus(status: number, answer: Promise<Answer>): Promise<Answer> {
  const got = await answer;
  if (got.status !== status) {
    throw new Error(`expected ${status}, got ${got.status}: ${JSON.stringify(got.body)}`);
  }
  return got;
}

export interface Webhook {
  readonly id: string;
  readonly secret?: string;
  readonly status: string;
}

/** One account with its operator's view. */
export class Account {
  constructor(
    private readonly herald: Herald,
    readonly id: string,
  ) {}

  call(path: string, options: CallOptions = {}): Promise<Answer> {
    return this.herald.operator(path, { account: this.id, ...options });
  }

  async webhook(body: Record<string, unknown>): Promise<Webhook> {
    return (await expectStatus(201, this.call('/v1/webhooks', { body }))).body;
  }

  async recipients(): Promise<any[]> {
    return (await expectStatus(200, this.call('/v1/recipients'))).body.items;
  }

  /** Takes the current revision first, so that stories need not keep count. */
  async subscribe(scope: string, change: Record<string, unknown>): Promise<any> {
    const current = await expectStatus(200, this.call(`/v1/subscriptions/${scope}`));
    const body = { ...change, revision: current.body.revision };
    return (await expectStatus(200, this.call(`/v1/subscriptions/${scope}`, { method: 'PUT', body }))).body;
  }

  async messages(query = ''): Promise<any[]> {
    return (await expectStatus(200, this.call(`/v1/messages${query}`))).body.items;
  }

  async timeline(messageId: string): Promise<any> {
    return (await expectStatus(200, this.call(`/v1/messages/${messageId}/timeline`))).body;
  }
}

export class Producer {
  constructor(
    private readonly herald: Herald,
    readonly id: string,
    readonly key: string,
  ) {}

  post(body: unknown, options: CallOptions = {}): Promise<Answer> {
    return call(`${this.herald.url}/v1/events`, { body, token: this.key, ...options });
  }

  /** Posts and answers the event's id. */
  async emit(event: Record<string, unknown>): Promise<string> {
    return (await expectStatus(202, this.post(event))).body.eventId;
  }

  event(eventId: string): Promise<Answer> {
    return call(`${this.herald.url}/v1/events/${eventId}`, { token: this.key });
  }
}

export class Herald {
  constructor(
    readonly url: string,
    readonly operatorToken: string,
  ) {}

  operator(path: string, options: CallOptions = {}): Promise<Answer> {
    return call(`${this.url}${path}`, { token: this.operatorToken, ...options });
  }

  async account(id: string, more: Record<string, unknown> = {}): Promise<Account> {
    const body = { id, name: `Account ${id}`, owner: { email: `${id}@example.com`, name: 'Olive Owner' }, ...more };
    await expectStatus(201, this.operator('/v1/ops/accounts', { body }));
    return new Account(this, id);
  }

  async producer(name: string, more: Record<string, unknown> = {}): Promise<Producer> {
    const body = { name, categories: ['*'], ...more };
    const producer = (await expectStatus(201, this.operator('/v1/ops/producers', { body }))).body;
    const key = (await expectStatus(201, this.operator(`/v1/ops/producers/${producer.id}/keys`, { body: {} }))).body;
    return new Producer(this, producer.id, key.key);
  }

  async deliveries(query: string): Promise<any[]> {
    return (await expectStatus(200, this.operator(`/v1/ops/deliveries?${query}`))).body.items;
  }

  async delivery(id: string): Promise<any> {
    return (await expectStatus(200, this.operator(`/v1/ops/deliveries/${id}`))).body;
  }

  async ledger(): Promise<any> {
    return (await expectStatus(200, this.operator('/v1/ops/ledger'))).body;
  }
}

/** The sandbox's side: what the platforms received, and the faults they are told to show. */
export class Sandbox {
  constructor(
    readonly url: string,
    /** Where Herald reaches it; the same but for containers. */
    readonly reachedAt: string = url,
  ) {}

  async robot(body: Record<string, unknown>): Promise<void> {
    await expectStatus(201, call(`${this.url}/robots`, { body }));
  }

  async received(query = ''): Promise<any[]> {
    return (await expectStatus(200, call(`${this.url}/received${query}`))).body.items;
  }

  /** What arrived at a path (or at a mailbox), oldest first. */
  async at(path: string): Promise<any[]> {
    return (await this.received('?limit=5000'))
      .filter((item) => item.path.startsWith(path))
      .sort((a, b) => Date.parse(a.at) - Date.parse(b.at));
  }

  async fault(body: Record<string, unknown>): Promise<void> {
    await expectStatus(201, call(`${this.url}/faults`, { body }));
  }

  async clearFaults(): Promise<void> {
    await call(`${this.url}/faults`, { method: 'DELETE' });
  }
}

/** Waits for a condition; the last failure is the message. */
export async function until<T>(
  what: string,
  probe: () => Promise<T | undefined | false | null>,
  timeoutMs = 20_000,
): Promise<T> {
  const end = Date.now() + timeoutMs;
  let last: unknown;
  for (;;) {
    try {
      const found = await probe();
      if (found) return found;
      last = undefined;
    } catch (error) {
      last = error;
    }
    if (Date.now() > end) throw new Error(`not seen within ${timeoutMs} ms: ${what}`, { cause: last });
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
