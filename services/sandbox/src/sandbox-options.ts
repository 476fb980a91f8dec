import type { PlatformConfig } from '@herald/platform';
import type { sandboxConfig } from './sandbox.config.js';
import type { SandboxOptions } from './sandbox-server.js';

/** How the configuration says that the sandbox is to be started. */
export function sandboxOptions(
  settings: Pick<PlatformConfig, 'HERALD_HOST' | 'HERALD_SANDBOX_PORT'>,
  own: typeof sandboxConfig.values,
): SandboxOptions {
  return {
    host: settings.HERALD_HOST,
    port: settings.HERALD_SANDBOX_PORT,
    open: own.HERALD_SANDBOX_OPEN ?? false,
    rateLimits: own.HERALD_SANDBOX_RATE_LIMITS ?? true,
  };
}
