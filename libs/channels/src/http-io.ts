/**
 * The one client for all channels: axios as the interface, undici underneath (its own adapter costs several times as much).
 * No redirects, time limits, answers cut, addresses checked, secrets out of errors.
 */
import type { DeliveryChannel } from '@herald/contracts';
import { Axios, type AxiosAdapter } from 'axios';
import { Agent, buildConnector, type Dispatcher } from 'undici';
import {
  AddressBlocked,
  AddressGuard,
  literalAddress,
  NOT_PUBLIC,
  PLAIN_NOT_ALLOWED,
  type ResolveName,
} from './address-guard.js';
import { type Failure, type HttpAnswer, type HttpIo, type HttpRequest, ProviderError } from './channel.js';
import { failure } from './failures.js';
import { redact } from './redact.js';

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
  /** How names are resolved; the system's way unless told. */
  readonly resolve?: ResolveName;
}

export interface HttpClients {
  for(channel: DeliveryChannel): HttpIo;
  close(): Promise<void>;
}

export function makeHttpClients({ allow, origins, attemptTimeoutMs, resolve }: HttpIoOptions): HttpClients {
  const agentFor = (guard: AddressGuard): Agent =>
    new Agent({
      connect: guardedConnector(guard),
      allowH2: false,
      connections: CONNECTIONS_PER_ORIGIN,
      keepAliveTimeout: KEEP_ALIVE_MS,
      headersTimeout: attemptTimeoutMs,
      bodyTimeout: attemptTimeoutMs,
    });
  const guarded = agentFor(new AddressGuard(allow, resolve));
  const overridden = agentFor(new AddressGuard(['0.0.0.0/0', '::/0'], resolve));
  // Not `axios.create`: its defaults for forms, JSON and XSRF cost more than undici's whole exchange (measured: 40 µs to 15).
  const client = new Axios({ adapter: exchangeAdapter, headers: {} as never });

  return {
    for(channel) {
      const origin = origins[channel];
      return origin === undefined
        ? new GuardedIo(client, guarded, null)
        : new GuardedIo(client, overridden, new URL(origin).origin);
    },
    async close() {
      await Promise.all([guarded.destroy(), overridden.destroy()]);
    },
  };
}

/** Connects to what may be called and to nothing else: literal addresses, the pinned answer for a name, and what was reached. */
function guardedConnector(guard: AddressGuard): buildConnector.connector {
  const connectTo = (isPlain: boolean): buildConnector.connector => {
    const refusal = isPlain ? PLAIN_NOT_ALLOWED : NOT_PUBLIC;
    const accepts = (address: string) => guard.accepts(address, isPlain);
    const connect = buildConnector({
      timeout: CONNECT_WITHIN_MS,
      allowH2: false,
      lookup: guard.lookup(accepts, refusal),
    } as buildConnector.BuildOptions);
    return (options, callback) => {
      // A literal address is never looked up.
      const literal = literalAddress(options.hostname);
      if (literal !== null && !accepts(literal)) return callback(new AddressBlocked(refusal), null);
      connect(options, (...[error, socket]) => {
        if (error) return callback(error, null);
        if (!accepts(socket.remoteAddress ?? '')) {
          socket.destroy();
          return callback(new AddressBlocked(refusal), null);
        }
        callback(null, socket);
      });
    };
  };
  const plain = connectTo(true);
  const secure = connectTo(false);
  return (options, callback) => (options.protocol === 'http:' ? plain : secure)(options, callback);
}

class GuardedIo implements HttpIo {
  constructor(
    private readonly client: Axios,
    private readonly dispatcher: Dispatcher,
    private readonly override: string | null,
  ) {}

  async request(request: HttpRequest, signal: AbortSignal): Promise<HttpAnswer> {
    const exchange = new Exchange(request, this.targetOf(request.url), this.dispatcher, signal);
    // Only the origin: whatever looks at a call's settings on the way finds no credential there.
    const { data } = await this.client.request<HttpAnswer>({
      url: exchange.origin,
      method: request.method,
      exchange,
    } as never);
    return data;
  }

  /** For a library that brings its own client: the same exchange, with text bodies only. */
  readonly fetch: typeof fetch = async (input, init) => {
    const { body, headers, signal } = init ?? {};
    if (body != null && typeof body !== 'string' && !(body instanceof URLSearchParams)) {
      throw new TypeError('expected a body of text');
    }
    const given = new Headers(headers);
    const answer = await this.request(
      {
        method: init?.method === 'GET' ? 'GET' : 'POST',
        url: input instanceof Request ? input.url : String(input),
        headers: Object.fromEntries(given),
        body: body == null ? '' : String(body),
        secrets: [given.get('authorization')?.replace(/^\w+ /, '') ?? ''],
      },
      signal ?? new AbortController().signal,
    );
    const shown = ['content-type', 'retry-after', 'date'].flatMap((name) =>
      answer.headers[name] === undefined ? [] : [[name, answer.headers[name]] as [string, string]],
    );
    const hasNoBody = answer.status === 204 || answer.status === 205 || answer.status === 304;
    return new Response(hasNoBody ? null : answer.text, { status: answer.status, headers: shown });
  };

  private targetOf(text: string): URL {
    // The parser's own error quotes the address, and with it the credential in it.
    if (!URL.canParse(text)) throw blocked('INVALID_URL', 'the address is not a URL');
    const url = new URL(text);
    if (url.username || url.password) throw blocked('ADDRESS_BLOCKED', 'user info in the address is not allowed');
    if (url.protocol !== 'https:' && url.protocol !== 'http:') {
      throw blocked('ADDRESS_BLOCKED', `${url.protocol} is not allowed`);
    }
    if (this.override === null) return url;
    const target = new URL(this.override);
    target.pathname = url.pathname;
    target.search = url.search;
    return target;
  }
}

function blocked(code: string, providerMessage: string): ProviderError {
  return new ProviderError(failure('bad-destination', code, { providerMessage, advice: 'address-blocked' }));
}

const exchangeAdapter: AxiosAdapter = async (config) => {
  const { exchange } = config as unknown as { exchange: Exchange };
  const data = await exchange.run();
  return { status: data.status, statusText: '', headers: {}, data, config };
};

/**
 * One request and its answer. undici is driven by its own handler, not through `undici.request`: no stream per answer, and
 * only so is it known whether a request was written before it broke. A class, because axios copies plain objects.
 */
class Exchange implements Dispatcher.DispatchHandler {
  readonly origin: string;
  private readonly done = Promise.withResolvers<HttpAnswer>();
  private controller: Dispatcher.DispatchController | null = null;
  private isWritten = false;
  private isSettled = false;
  private status = 0;
  private headers: Record<string, string> = {};
  private readonly chunks: Buffer[] = [];
  private size = 0;

  constructor(
    private readonly request: HttpRequest,
    private readonly url: URL,
    private readonly dispatcher: Dispatcher,
    private readonly signal: AbortSignal,
  ) {
    this.origin = url.origin;
  }

  run(): Promise<HttpAnswer> {
    if (this.signal.aborted) {
      this.abort();
      return this.done.promise;
    }
    this.signal.addEventListener('abort', this.abort);
    this.dispatcher.dispatch(
      {
        origin: this.origin,
        path: this.url.pathname + this.url.search,
        method: this.request.method,
        headers: this.request.headers,
        body: this.request.body,
      },
      this,
    );
    return this.done.promise;
  }

  onRequestStart(controller: Dispatcher.DispatchController): void {
    this.controller = controller;
    if (this.isSettled) controller.abort(new Error('given up'));
    else this.isWritten = true;
  }

  onResponseStart(
    _: Dispatcher.DispatchController,
    status: number,
    headers: Record<string, string | string[] | undefined>,
  ) {
    if (status < 200) return;
    this.status = status;
    for (const name in headers) {
      const value = headers[name];
      if (value !== undefined) this.headers[name] = Array.isArray(value) ? value.join(', ') : value;
    }
  }

  onResponseData(controller: Dispatcher.DispatchController, chunk: Buffer): void {
    this.chunks.push(chunk);
    this.size += chunk.length;
    if (this.size < ANSWER_AT_MOST_BYTES) return;
    this.answer(false);
    // Closes the connection: nobody reads the rest.
    controller.abort(new Error('the answer is long enough'));
  }

  onResponseEnd(): void {
    this.answer(false);
  }

  onResponseError(_: Dispatcher.DispatchController | null, error: Error): void {
    this.breakOff(error);
  }

  private readonly abort = (): void => {
    this.breakOff(this.signal.reason, true);
    this.controller?.abort(new Error('given up'));
  };

  /** A status that came counts, however its body went on. */
  private breakOff(error: unknown, isAbort = false): void {
    if (this.status > 0) {
      this.answer(true);
      return;
    }
    if (!this.settle()) return;
    const code = isAbort ? 'ABORT_ERR' : codeOf(error);
    this.done.reject(connectionFailure(error, code, this.url.host, this.isWritten));
  }

  private answer(isPartial: boolean): void {
    if (!this.settle()) return;
    const { chunks, status, headers } = this;
    const bytes = chunks.length === 1 ? chunks[0]! : Buffer.concat(chunks);
    const text = redact(
      bytes.toString('utf8', 0, Math.min(bytes.length, ANSWER_AT_MOST_BYTES)),
      this.request,
      this.url,
    );
    this.done.resolve(isPartial ? { status, headers, text, isPartial } : { status, headers, text });
  }

  private settle(): boolean {
    if (this.isSettled) return false;
    this.isSettled = true;
    this.signal.removeEventListener('abort', this.abort);
    return true;
  }
}

const TIMEOUTS = new Set([
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ETIMEDOUT',
  'ABORT_ERR',
]);
/** Something answered, but not as HTTP, or with headers without end. */
const NOT_HTTP = /^(HPE_|UND_ERR_HEADERS_OVERFLOW$|EPROTO$|ERR_SSL_(WRONG_VERSION_NUMBER|PACKET_LENGTH_TOO_LONG)$)/;
const CERTIFICATE =
  /^(CERT_|ERR_TLS_CERT_|DEPTH_ZERO_SELF_SIGNED_CERT$|SELF_SIGNED_CERT_IN_CHAIN$|UNABLE_TO_|HOSTNAME_MISMATCH$)/;

/** What a broken call means; `where` is host and port, never the path or the query: they are credentials. */
function connectionFailure(error: unknown, code: string, where: string, isWritten: boolean): ProviderError {
  if (code === 'ADDRESS_BLOCKED') return blocked(code, `${where}: ${messageOf(error)}`);
  // Ours: a header or a path that can't be sent at all.
  if (code === 'UND_ERR_INVALID_ARG')
    return new ProviderError(failure('bad-message', code, { providerMessage: where }));
  const isTimeout = TIMEOUTS.has(code);
  const isAnswered = NOT_HTTP.test(code);
  const advice = CERTIFICATE.test(code) ? 'certificate-invalid' : isAnswered ? 'not-http' : undefined;
  const more: Partial<Failure> = {
    ambiguous: isWritten && !isAnswered,
    providerMessage: `${where}: ${code}`,
    ...(advice ? { advice } : {}),
  };
  return new ProviderError(failure(isTimeout ? 'timeout' : 'provider-down', isTimeout ? 'TIMEOUT' : code, more));
}

function messageOf(error: unknown): string {
  for (const found of causesOf(error)) if (found.code === 'ADDRESS_BLOCKED' && found.message) return found.message;
  return NOT_PUBLIC;
}

function codeOf(error: unknown): string {
  for (const { code, name } of causesOf(error)) {
    if (typeof code === 'string') return code;
    if (name === 'HTTPParserError') return 'HPE_INVALID';
  }
  return 'CONNECTION_FAILED';
}

/** By shape: what Node itself throws is not of every context's Error. */
function* causesOf(
  error: unknown,
): Generator<{ readonly code?: unknown; readonly name?: string; readonly message?: string }> {
  for (let found = error; found !== null && typeof found === 'object'; found = (found as { cause?: unknown }).cause) {
    yield found;
  }
}
