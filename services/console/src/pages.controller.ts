/** What a browser gets here: the reference of the API, and where to look until there is a console. No page runs a script of its own page. */
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { operations } from '@herald/contracts';
import { Config, notFound, openApiDocument, platformConfig } from '@herald/platform';
import { Controller, Get, Header, Param, Res } from '@nestjs/common';
import type { FastifyReply } from 'fastify';
import { docsPage, docsScript, startPage } from './pages.js';

const swagger = dirname(createRequire(import.meta.url).resolve('swagger-ui-dist/package.json'));
const assets: Readonly<Record<string, string>> = {
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': 'text/javascript; charset=utf-8',
  'favicon-32x32.png': 'image/png',
};

const HTML = 'text/html; charset=utf-8';
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  // Swagger UI sets styles on its elements; no style can run anything.
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "form-action 'self'",
  "base-uri 'none'",
  "frame-ancestors 'none'",
].join('; ');

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

  @Get('/docs')
  @Header('content-type', HTML)
  @Header('content-security-policy', POLICY)
  @Header('x-content-type-options', 'nosniff')
  docs(): string {
    return docsPage;
  }

  @Get('/docs/:file')
  @Header('x-content-type-options', 'nosniff')
  @Header('cache-control', 'public, max-age=3600')
  async asset(@Param('file') file: string, @Res({ passthrough: true }) reply: FastifyReply): Promise<string | Buffer> {
    if (file === 'docs.js') {
      reply.header('content-type', 'text/javascript; charset=utf-8');
      return docsScript;
    }
    const type = Object.hasOwn(assets, file) ? assets[file] : undefined;
    if (type === undefined) throw notFound();
    reply.header('content-type', type);
    return readFile(join(swagger, file));
  }

  @Get(['/', '/messages/:id'])
  @Header('content-type', HTML)
  @Header('content-security-policy', POLICY)
  @Header('x-content-type-options', 'nosniff')
  start(): string {
    const { HERALD_SANDBOX, HERALD_SANDBOX_PORT } = this.config.get(platformConfig);
    return startPage(HERALD_SANDBOX ? (HERALD_SANDBOX_PORT ?? null) : null);
  }
}
