/**
 * The page that shows what came in, live. Its scripts are the compiled files of `page/`; everything it shows is text
 * to it. A mail's own HTML is served apart, sandboxed, and loads nothing from elsewhere.
 */
import { readdirSync, readFileSync } from 'node:fs';
import type { FastifyInstance, FastifyReply } from 'fastify';
import type { MailBody } from './mail-server.js';
import type { SandboxState } from './sandbox-state.js';

const statics = new URL('../page/', import.meta.url);
/** The same folder from `src` and from `dist`. */
const scripts = new URL('../dist/page/', import.meta.url);
const KEEP_ALIVE_MS = 15_000;

const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  "img-src 'self' data:",
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const mailPolicy = [
  'sandbox allow-popups allow-popups-to-escape-sandbox',
  "default-src 'none'",
  "style-src 'unsafe-inline'",
  'img-src data:',
  "form-action 'none'",
  "frame-ancestors 'self'",
].join('; ');

export function addPageRoutes(app: FastifyInstance, state: SandboxState, where: () => { mailUrl: string }): void {
  const html = readFileSync(new URL('index.html', statics), 'utf8');
  const css = readFileSync(new URL('sandbox.css', statics), 'utf8');

  app.get('/', (request, reply) => {
    const language = preferredLanguage(request.headers['accept-language'] ?? '');
    return guarded(reply, pagePolicy)
      .type('text/html; charset=utf-8')
      .header('vary', 'accept-language')
      .send(html.replace('lang="en-US"', `lang="${language}" data-mail-url="${where().mailUrl}"`));
  });
  app.get('/sandbox.css', (_request, reply) => guarded(reply, pagePolicy).type('text/css; charset=utf-8').send(css));
  for (const name of compiledScripts()) {
    const script = readFileSync(new URL(name, scripts), 'utf8');
    app.get(`/${name}`, (_request, reply) =>
      guarded(reply, pagePolicy).type('text/javascript; charset=utf-8').send(script),
    );
  }

  app.get<{ Params: { id: string } }>('/mails/:id', (request, reply) => {
    const item = state.received.find(Number(request.params.id));
    const mail = item?.platform === 'mail' ? (item.body as MailBody) : undefined;
    if (!mail?.html) return guarded(reply, mailPolicy).code(404).type('text/plain').send('There is no such mail.');
    return guarded(reply, mailPolicy).type('text/html; charset=utf-8').send(inNewTabs(mail.html));
  });

  app.get('/received/stream', (request, reply) => {
    const { raw } = reply;
    reply.hijack();
    raw.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8', 'cache-control': 'no-store' });
    raw.write('retry: 1000\n\n');
    const last = Number(request.headers['last-event-id'] ?? Number.NaN);
    const send = (item: { id: number } | null) =>
      raw.write(
        item ? `id: ${item.id}\nevent: received\ndata: ${JSON.stringify(item)}\n\n` : 'event: cleared\ndata: {}\n\n',
      );
    if (!Number.isNaN(last)) for (const item of state.received.list({ since: last })) send(item);
    const unsubscribe = state.received.subscribe(send);
    const keepAlive = setInterval(() => raw.write(': still here\n\n'), KEEP_ALIVE_MS).unref();
    raw.on('close', () => {
      clearInterval(keepAlive);
      unsubscribe();
    });
  });
}

function compiledScripts(): string[] {
  try {
    return readdirSync(scripts).filter((name) => name.endsWith('.js'));
  } catch {
    return [];
  }
}

function guarded(reply: FastifyReply, policy: string): FastifyReply {
  return reply.headers({
    'content-security-policy': policy,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-store',
  });
}

/** Chinese where the browser asks for it before English. */
export function preferredLanguage(accepted: string): 'zh-CN' | 'en-US' {
  const wishes = accepted
    .split(',')
    .map((part) => ({
      tag: part.split(';')[0]!.trim().toLowerCase(),
      weight: Number(/q=([\d.]+)/.exec(part)?.[1] ?? 1),
    }))
    .filter(({ tag }) => /^(zh|en)\b/.test(tag))
    .sort((a, b) => b.weight - a.weight);
  return wishes[0]?.tag.startsWith('zh') ? 'zh-CN' : 'en-US';
}

/** A frame may not lead its links into itself. */
function inNewTabs(html: string): string {
  const base = '<base target="_blank">';
  return /<head[^>]*>/i.test(html) ? html.replace(/<head[^>]*>/i, (head) => head + base) : base + html;
}
