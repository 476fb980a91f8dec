/**
 * The one client for all channels: axios as the interface, undici underneath (its own adapter costs several times as much).
 * No redirects, time limits, answers cut, addresses checked, secrets out of errors.
 */
import axios, { type AxiosAdapter, AxiosHeaders, type AxiosInstance, type InternalAxiosRequestConfig } from 'axios';
import { Agent, type Dispatcher, fetch as undiciFetch, request as undiciRequest } from 'undici';
import type { DeliveryChannel } from '@herald/contracts';
import { AddressBlocked, AddressGuard } from './address-guard.js';
import { type HttpAnswer, type HttpIo, type HttpRequest, ProviderError } from './channel.js';
import { failure } from './failures.js';

const CONNECT_WITHIN_MS = 3_000;
const ANSWER_AT_MOST_BYTES = 64 * 1024;
const KEEP_ALIVE_MS = 30_000;
const CONNECTIONS_PER_ORIGIN = 128;

export interface HttpIoOptions {
  /** CIDRs that may be called although they are private. */
  readonly allow: readonly string[];
  /** Platform → origin that its calls go to instead; such an origin counts as allowed. */
  readonly origins: Readonly<Record<string, string>>;
  readonly attemptTimeoutMs: number;
}

/** Errors before a byte was written: nothing can have been delivered. */
const NOT_WRITTEN = new Set(['ECONNREFUSED', 'EHOSTUNREACH', 'ENETUNREACH', 'ENOTFOUND', 'EAI_AGAIN', 'EADDRNOTAVAIL', 'UND_ERR_CONNECT_TIMEOUT']);
const TIMEOUTS = new Set(['UND_ERR_CONNECT_TIMEOUT', 'UND_ERR_HEADERS_TIMEOUT', 'UND_ERR_BODY_TIMEOUT', 'ETIMEDOUT', 'UND_ERR_ABORTED', 'ABORT_ERR']);

export interface HttpClients {
  for(channel: DeliveryChannel): HttpIo;
  close(): Promise<void>;
}

export function makeHttpClients(options: HttpIoOptions): HttpClients {
  const guard = new AddressGuard(options.allow);
  const everything = new AddressGuard(['0.0.0.0/0', '::/0']);
  const agents: Agent[] = [];
  const agent = (rules: AddressGuard, onlyAllowed: boolean): Agent => {
    const made = new Agent({
      connect: { timeout: CONNECT_WITHIN_MS, lookup: rules.lookup(onlyAllowed) },
      connections: CONNECTIONS_PER_ORIGIN,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: options.attemptTimeoutMs,
      bodyTimeout: options.attemptTimeoutMs,
      maxResponseSize: -1,
    });
    agents.push(made);
    return made;
  };
  const guarded = { http: agent(guard, true), https: agent(guard, false) };
  const overridden = agent(everything, false);
  const client = axios.create({
    adapter: undiciAdapter,
    proxy: false,
    maxRedirects: 0,
    validateStatus: null,
    transformRequest: [(data) => data],
    transformResponse: [(data) => data],
    headers: { common: {}, post: {} } as never,
  });

  return {
    for(channel) {
      const origin = options.origins[channel];
      return origin === undefined
        ? new GuardedIo(client, guard, (url) => ({ url, dispatcher: url.protocol === 'http:' ? guarded.http : guarded.https }))
        : new GuardedIo(client, everything, (url) => ({ url: new URL(url.pathname + url.search, origin), dispatcher: overridden }));
    },
    async close() {
      await Promise.all(agents.map((made) => made.destroy()));
    },
  };
}

interface Target {
  readonly url: URL;
  readonly dispatcher: Dispatcher;
}

class GuardedIo implements HttpIo {
  constructor(
    private readonly client: AxiosInstance,
    private readonly guard: AddressGuard,
    private readonly target: (url: URL) => Target,
  ) {}

  async request(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const { url, dispatcher } = this.targetOf(request.url);
    try {
      const answer = await this.client.request({
        url: url.href,
        method: request.method,
        headers: request.headers as Record<string, string>,
        data: request.body,
        signal,
        dispatcher,
      } as never);
      return { status: answer.status, headers: answer.headers as Record<string, string>, text: answer.data };
    } catch (error) {
      throw this.failureOf(error, url);
    }
  }

  /** For a library that brings its own client: the same dispatcher and rules. */
  readonly fetch: typeof fetch = (async (input: string | URL | Request, init?: RequestInit) => {
    const { url, dispatcher } = this.targetOf(input instanceof Request ? input.url : String(input));
    return undiciFetch(url, { ...(init as object), redirect: 'error', dispatcher } as never);
  }) as never;

  private targetOf(text: string): Target {
    const target = this.target(new URL(text));
    try {
      if (target.url.username || target.url.password) throw new AddressBlocked('user info in the address is not allowed');
      this.guard.checkLiteral(target.url);
    } catch (error) {
      throw this.failureOf(error, target.url);
    }
    return target;
  }

  /** Says what happened and where (host and port), never the path or the query: they are credentials. */
  private failureOf(error: unknown, url: URL): ProviderError {
    if (error instanceof ProviderError) return error;
    return connectionFailure(error, url.host);
  }
}

/** What a broken call means; `where` is host and port. */
export function connectionFailure(error: unknown, where: string): ProviderError {
  const code = codeOf(error);
  if (code === 'ADDRESS_BLOCKED') {
    const message = (rootOf(error) as Error).message;
    return new ProviderError(failure('bad-destination', 'ADDRESS_BLOCKED', { providerMessage: `${where}: ${message}`, advice: 'address-blocked' }));
  }
  const ambiguous = !NOT_WRITTEN.has(code);
  const kind = TIMEOUTS.has(code) ? 'timeout' : 'provider-down';
  return new ProviderError(failure(kind, kind === 'timeout' ? 'TIMEOUT' : code, { ambiguous, providerMessage: `${where}: ${code}` }));
}

function rootOf(error: unknown): unknown {
  let found = error;
  while (found instanceof Error && found.cause instanceof Error) found = found.cause;
  return found;
}

function codeOf(error: unknown): string {
  for (let found: unknown = error; found instanceof Error; found = found.cause) {
    const { code } = found as NodeJS.ErrnoException;
    if (typeof code === 'string' && code !== 'ERR_CANCELED') return code;
    if (code === 'ERR_CANCELED' || found.name === 'AbortError' || found.name === 'TimeoutError' || found.name === 'CanceledError') return 'ABORT_ERR';
  }
  return 'CONNECTION_FAILED';
}

/** One HTTP exchange through undici, in the shape axios wants. */
const undiciAdapter: AxiosAdapter = async (config: InternalAxiosRequestConfig) => {
  const { dispatcher } = config as unknown as { dispatcher: Dispatcher };
  const answer = await undiciRequest(config.url!, {
    method: (config.method ?? 'post').toUpperCase() as Dispatcher.HttpMethod,
    headers: config.headers instanceof AxiosHeaders ? (config.headers.toJSON() as Record<string, string>) : config.headers,
    body: config.data as string,
    signal: config.signal as AbortSignal,
    dispatcher,
  });
  const data = await readCut(answer.body);
  return { status: answer.statusCode, statusText: '', headers: flat(answer.headers) as never, data, config };
};

async function readCut(body: Dispatcher.ResponseData['body']): Promise<string> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    size += chunk.length;
    // Leaving the loop closes the connection: nobody reads the rest.
    if (size >= ANSWER_AT_MOST_BYTES) break;
  }
  return Buffer.concat(chunks).subarray(0, ANSWER_AT_MOST_BYTES).toString('utf8');
}

function flat(headers: Record<string, string | string[] | undefined>): Record<string, string> {
  const plain: Record<string, string> = {};
  for (const [name, value] of Object.entries(headers)) {
    if (value !== undefined) plain[name] = Array.isArray(value) ? value.join(', ') : value;
  }
  return plain;
}

