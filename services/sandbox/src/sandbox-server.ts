/** Five chat platforms by path and a mail server on the next port, in this process, for the demo and for tests. */
import type { AddressInfo } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import { addAdminRoutes } from './admin-routes.js';
import { Clock } from './clock.js';
import { MailServer } from './mail-server.js';
import { addPageRoutes } from './page-routes.js';
import { addPlatformRoutes } from './platform-routes.js';
import { SandboxState } from './sandbox-state.js';

const BODY_LIMIT = 32 * 1024 * 1024;

export interface SandboxOptions {
  /** 0 = any free port, for both. */
  readonly port?: number;
  /** The port after `port`, where none is named. */
  readonly mailPort?: number;
  readonly host?: string;
  /** Milliseconds since 1970. */
  readonly now?: () => number;
  /** Takes messages for robots that nobody registered. */
  readonly open?: boolean;
  readonly rateLimits?: boolean;
}

export class SandboxServer {
  private running:
    | { readonly app: FastifyInstance; readonly mail: MailServer; readonly state: SandboxState }
    | undefined;
  private ports = { http: 0, mail: 0 };
  private host = '127.0.0.1';

  async start(options: SandboxOptions = {}): Promise<void> {
    if (this.running) throw new Error('the sandbox runs already');
    const port = options.port ?? 3010;
    this.host = options.host ?? '127.0.0.1';
    const state = new SandboxState(new Clock(options.now));
    state.isOpen = options.open ?? false;
    state.limits.isEnabled = options.rateLimits ?? true;
    const app = makeApp();
    addAdminRoutes(app, state, () => this.url);
    addPageRoutes(app, state, () => ({ url: this.url, mailUrl: this.mailUrl }));
    addPlatformRoutes(app, state);
    const mail = new MailServer(state);
    try {
      await app.listen({ port, host: this.host });
      const mailPort = await mail.start(options.mailPort ?? (port === 0 ? 0 : port + 1), this.host);
      this.ports = { http: (app.server.address() as AddressInfo).port, mail: mailPort };
    } catch (error) {
      await app.close();
      throw error;
    }
    this.running = { app, mail, state };
  }

  async stop(): Promise<void> {
    const running = this.running;
    this.running = undefined;
    if (running) await Promise.all([running.app.close(), running.mail.stop()]);
  }

  /** Where it is reached from this machine. */
  get url(): string {
    return `http://${reachable(this.host)}:${this.ports.http}`;
  }

  get mailPort(): number {
    return this.ports.mail;
  }

  get mailUrl(): string {
    return `smtp://${reachable(this.host)}:${this.ports.mail}`;
  }

  /** For tests in the same process: robots, received items, faults, limits. */
  get state(): SandboxState {
    if (!this.running) throw new Error('the sandbox does not run');
    return this.running.state;
  }
}

function reachable(host: string): string {
  if (host === '0.0.0.0' || host === '::') return '127.0.0.1';
  return host.includes(':') ? `[${host}]` : host;
}

declare module 'fastify' {
  interface FastifyRequest {
    /** What the caller named, which Fastify must not judge. */
    sentType: string | undefined;
  }
}

/** Bodies stay bytes whatever their type: signatures and sizes are about bytes, and a wrong type is the platform's to refuse. */
function makeApp(): FastifyInstance {
  const app = Fastify({ bodyLimit: BODY_LIMIT, forceCloseConnections: true, routerOptions: { maxParamLength: 1_000 } });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, body, done) => done(null, body));
  app.decorateRequest('sentType', undefined);
  app.addHook('onRequest', (request, _reply, done) => {
    request.sentType = request.raw.headers['content-type'];
    if (request.sentType !== undefined) request.raw.headers['content-type'] = 'application/octet-stream';
    done();
  });
  return app;
}
