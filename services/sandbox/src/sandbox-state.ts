/** What the sandbox's parts share. */
import { Clock } from './clock.js';
import { Faults } from './faults.js';
import { RateLimits } from './rate-limits.js';
import { Received } from './received.js';
import { Robots } from './robots.js';

export class SandboxState {
  readonly robots = new Robots();
  readonly received = new Received();
  readonly faults = new Faults();
  readonly limits = new RateLimits();
  /** An open sandbox takes messages for robots that nobody registered. */
  isOpen = false;

  constructor(readonly clock: Clock = new Clock()) {}
}
