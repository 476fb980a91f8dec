import { operations } from '@herald/contracts';
import { embedded } from '@herald/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { ConsoleGround, nobody } from '../test/console-ground.js';

describe('what a browser gets', () => {
  let ground: ConsoleGround;
  beforeAll(async () => {
    ground = await ConsoleGround.open(embedded.open, {
      environment: { HERALD_SANDBOX: 'true', HERALD_SANDBOX_PORT: '3456' },
    });
  }, 120_000);
  afterAll(() => ground?.close());
  const get = (path: string) => ground.call(path, { as: nobody });

  it('is one OpenAPI document of every service’s calls', async () => {
    const { status, body } = await get('/openapi.json');
    expect(status).toBe(200);
    expect(body).toMatchObject({ openapi: '3.1.0', servers: [{ url: 'http://localhost:3000' }] });
    for (const { id, method, path } of operations) {
      const described = body.paths[path.replace(/:(\w+)/g, '{$1}')]?.[method.toLowerCase()];
      expect([id, described?.operationId]).toEqual([id, id]);
    }
  });

  it.each(['/', '/docs', '/verify', '/messages/6f1f4c0e-1d5b-4d0a-9a57-8f2b6a3c7e10'])(
    'at %s is a page that runs no script but files of ours, and nowhere else’s',
    async (path) => {
      const { status, headers, body } = await get(path);
      expect([status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8']);
      const policy = headers.get('content-security-policy')!;
      expect(policy).toContain("default-src 'none'");
      expect(policy).toContain("script-src 'self';");
      expect(body).not.toMatch(/<script(?![^>]*\ssrc="\/)/);
      expect(body).not.toMatch(/\son\w+=/);
      for (const [, file] of body.matchAll(/(?:src|href)="(\/docs\/[^"]+)"/g))
        expect((await get(file!)).status).toBe(200);
    },
  );

  it.each([
    ['swagger-ui-bundle.js', 'text/javascript; charset=utf-8'],
    ['swagger-ui.css', 'text/css; charset=utf-8'],
    ['verify.js', 'text/javascript; charset=utf-8'],
  ])('has the file %s', async (file, type) => {
    const { status, headers, body } = await get(`/docs/${file}`);
    expect([status, headers.get('content-type')]).toEqual([200, type]);
    expect(headers.get('x-content-type-options')).toBe('nosniff');
    expect(body.length).toBeGreaterThan(500);
  });

  it.each(['package.json', '..%2Fpackage.json', '%2e%2e%2f%2e%2e%2fpackage.json', '__proto__', 'constructor'])(
    'has no file %s',
    async (file) => {
      expect((await get(`/docs/${file}`)).status).toBe(404);
    },
  );

  it('says where the sandbox is', async () => {
    expect((await get('/')).body).toContain('port 3456');
  });
});
