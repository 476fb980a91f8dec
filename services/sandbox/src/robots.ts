/** The robots that the sandbox knows. A platform and a token name one; registering it again replaces it. */
import type { PlatformId } from './platforms/platform.js';

export interface Robot {
  readonly platform: PlatformId;
  readonly token: string;
  readonly name: string;
  /** Signatures are checked where there is one. */
  readonly secret?: string;
  /** A message must hold one of them, where there are any. */
  readonly keywords: readonly string[];
  /** Callers' addresses; any, where there are none. */
  readonly allowedAddresses: readonly string[];
  /** Slack's `chat.postMessage`: the channels that the bot is in; any, where there are none. */
  readonly channels: readonly string[];
}

export class Robots {
  private readonly byPlatform = new Map<PlatformId, Map<string, Robot>>();

  register(robot: Robot): void {
    const known = this.byPlatform.get(robot.platform) ?? new Map<string, Robot>();
    this.byPlatform.set(robot.platform, known.set(robot.token, robot));
  }

  find(platform: PlatformId, token: string): Robot | undefined {
    return this.byPlatform.get(platform)?.get(token);
  }

  of(platform: PlatformId): readonly Robot[] {
    return [...(this.byPlatform.get(platform)?.values() ?? [])];
  }

  all(): readonly Robot[] {
    return [...this.byPlatform.values()].flatMap((known) => [...known.values()]);
  }

  clear(): void {
    this.byPlatform.clear();
  }
}

/** A robot with what is given and nothing else asked of its messages. */
export function makeRobot(given: Pick<Robot, 'platform' | 'token'> & Partial<Robot>): Robot {
  return { name: given.token, keywords: [], allowedAddresses: [], channels: [], ...given };
}
