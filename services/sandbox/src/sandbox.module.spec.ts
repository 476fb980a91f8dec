import 'reflect-metadata';
import { Config, createLogger, platformConfig } from '@herald/platform';
import { describe, expect, it } from '@jest/globals';
import { sandboxConfig } from './sandbox.config.js';
import { SandboxModule } from './sandbox.module.js';
import { sandboxOptions } from './sandbox-options.js';
import { SandboxServer } from './sandbox-server.js';

const read = (environment: Record<string, string>) => Config.read([platformConfig, sandboxConfig], environment);

describe('SandboxModule', () => {
  it.each([
    ['on embedded parts', {}, true],
    ['on embedded parts, switched off', { HERALD_SANDBOX: 'false' }, false],
    ['on servers', { HERALD_DATABASE_URL: 'postgres://localhost/herald' }, false],
    ['on servers, switched on', { HERALD_DATABASE_URL: 'postgres://localhost/herald', HERALD_SANDBOX: 'true' }, true],
  ])('%s', async (_name, environment, runs) => {
    const config = read({ HERALD_SANDBOX_PORT: '0', LOG_LEVEL: 'silent', ...environment });
    const sandbox = new SandboxServer();
    const module = new SandboxModule(sandbox, config, createLogger('sandbox', config.get(platformConfig)));
    await module.onModuleInit();
    const answer = await fetch(`${sandbox.url}/readyz`).catch(() => undefined);
    expect(answer?.status).toBe(runs ? 200 : undefined);
    await module.onApplicationShutdown();
  });

  it('takes its settings from the environment', () => {
    const config = read({
      HERALD_SANDBOX_OPEN: 'true',
      HERALD_SANDBOX_RATE_LIMITS: 'false',
      HERALD_SANDBOX_PORT: '4010',
    });
    expect(sandboxOptions(config.get(platformConfig), config.get(sandboxConfig))).toEqual({
      host: '127.0.0.1',
      port: 4010,
      open: true,
      rateLimits: false,
    });
  });
});
