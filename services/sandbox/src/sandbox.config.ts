import { configSection, flag } from '@herald/platform';

/** What the sandbox reads beside `HERALD_SANDBOX`, `HERALD_SANDBOX_PORT` and `HERALD_HOST`. */
export const sandboxConfig = configSection('Sandbox', {
  HERALD_SANDBOX_OPEN: flag().describe(
    'The sandbox also takes messages for robots that nobody registered. False by default.',
  ),
  HERALD_SANDBOX_RATE_LIMITS: flag().describe('The sandbox limits rates as the platforms do. True by default.'),
});
