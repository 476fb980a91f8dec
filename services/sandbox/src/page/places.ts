/** Where messages arrive: a robot, a receiver of webhooks, a mailbox. Pure. */
import type { Item, KnownRobot, Side } from './item.js';

export interface Place {
  readonly key: string;
  readonly platform: Side;
  readonly name: string;
  /** The sandbox knows this robot; a mailbox is always known. */
  readonly isKnown: boolean;
  /** Its robot has a secret, so that signatures are checked. */
  readonly isSigned: boolean;
  /** Newest first. */
  readonly items: readonly Item[];
}

const order: readonly Side[] = ['dingtalk', 'wecom', 'lark', 'slack', 'webhook', 'mail'];

/** Registered robots first, in the order of the platforms; a place keeps its position whatever arrives. */
export function placesOf(robots: readonly KnownRobot[], items: readonly Item[]): Place[] {
  const places = new Map<string, Place & { items: Item[] }>();
  const place = (platform: Side, name: string, known: KnownRobot | undefined) => {
    const key = `${platform}/${name}`;
    let found = places.get(key);
    if (!found) {
      const isKnown = known !== undefined || platform === 'mail';
      found = { key, platform, name, isKnown, isSigned: known?.signed ?? false, items: [] };
      places.set(key, found);
    }
    return found;
  };
  for (const robot of robots) place(robot.platform, robot.name, robot);
  for (const item of items) {
    for (const name of namesOf(item)) {
      const known = robots.find((robot) => robot.platform === item.platform && robot.name === name);
      place(item.platform, name, known).items.push(item);
    }
  }
  for (const { items: own } of places.values()) own.sort((a, b) => b.id - a.id);
  return [...places.values()].sort(
    (a, b) =>
      order.indexOf(a.platform) - order.indexOf(b.platform) ||
      Number(b.isKnown) - Number(a.isKnown) ||
      a.name.localeCompare(b.name),
  );
}

/** A mail has one for each of its recipients. */
function namesOf(item: Item): string[] {
  if (item.platform === 'mail') return item.path === '' ? ['—'] : [...new Set(item.path.split(','))];
  return [item.robot ?? addressOf(item)];
}

/** What names an unknown robot: its path, and the parameter that is its token. */
function addressOf({ platform, path }: Item): string {
  const url = new URL(path, 'http://sandbox');
  const parameter = { dingtalk: 'access_token', wecom: 'key' }[platform as string];
  const token = parameter ? url.searchParams.get(parameter) : url.pathname.split('/').slice(2).join('/');
  return token || url.pathname;
}
