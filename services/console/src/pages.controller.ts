/** What a browser gets here. Everybody may read it: it says nothing of any account. No page has a script inside it. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { operations } from '@herald/contracts';
import { Config, notFound, openApiDocument, platformConfig } from '@herald/platform';
import { applyDecorators, Controller, Get, Header, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { pageStyle } from './page.js';
import { docsPage, docsScript, startPage } from './pages.js';
import { verifyPage, verifyScript } from './verify-page.js';

const CSS = 'text/css; charset=utf-8';
const JAVASCRIPT = 'text/javascript; charset=utf-8';

const swagger = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
const ofSwagger = (name: string) => () => readFile(join(swagger, name));

const assets: ReadonlyMap<string, { readonly type: string; readonly read: () => Promise<Buffer> | string }> = new Map([
  ['swagger-ui.css', { type: CSS, read: ofSwagger('swagger-ui.css') }],
  ['swagger-ui-bundle.js', { type: JAVASCRIPT, read: ofSwagger('swagger-ui-bundle.js') }],
  ['favicon-32x32.png', { type: 'image/png', read: ofSwagger('favicon-32x32.png') }],
  ['docs.js', { type: JAVASCRIPT, read: () => docsScript }],
  ['verify.js', { type: JAVASCRIPT, read: () => verifyScript }],
  ['page.css', { type: CSS, read: () => pageStyle }],
]);

const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  // Swagger UI sets styles on its elements; no style can run anything.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'none'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

const Page = (...paths: string[]) =>
  applyDecorators(
    Get(paths),
    Header('content-type', 'text/html; charset=utf-8'),
    Header('content-security-policy', POLICY),
    Header('x-content-type-options', 'nosniff'),
    Header('referrer-policy', 'no-referrer'),
  );

@Controller()
export class PagesController {
  private readonly document: string;

  constructor(private readonly config: Config) {
    this.document = JSON.stringify(openApiDocument(operations, config.get(platformConfig).HERALD_PUBLIC_URL));
  }

  @Get('/openapi.json')
  @Header('content-type', 'application/json; charset=utf-8')
  openApi(): string {
    return this.document;
  }

  @Page('/docs')
  docs(): string {
    return docsPage;
  }

  @Get('/docs/:file')
  @Header('x-content-type-options', 'nosniff')
  @Header('cache-control', 'public, max-age=3600')
  async asset(@Param('file') file: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<string | Buffer> {
    const asset = assets.get(file);
    if (!asset) throw notFound();
    reply.header('content-type', asset.type);
    return asset.read();
  }

  @Page('/verify')
  verify(): string {
    return verifyPage;
  }

  /** Links in chats and mails lead to a message: to here until there is a console that shows it. */
  @Page('/', '/messages/:id')
  start(): string {
    const { HERALD_SANDBOX, HERALD_SANDBOX_PORT } = this.config.get(platformConfig);
    return startPage(HERALD_SANDBOX ? (HERALD_SANDBOX_PORT ?? null) : null);
  }
}
