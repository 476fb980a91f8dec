import { describe, expect, it } from '@jest/globals';
import type { Item, KnownRobot, Side } from './item.js';
import { placesOf } from './places.js';

const item = (id: number, platform: Side, path: string, robot: string | null = null): Item => ({
  id,
  platform,
  at: '2026-01-01T00:00:00.000Z',
  path,
  headers: {},
  body: {},
  answer: null,
  accepted: true,
  robot,
  fault: null,
});
const robot = (platform: Side, name: string, signed = false): KnownRobot => ({
  platform,
  name,
  signed,
  token: 't',
  url: '',
});

describe('placesOf', () => {
  it('has one for each robot, even before anything arrives, in the order of the platforms', () => {
    const places = placesOf([robot('slack', 'Ops'), robot('dingtalk', 'Ops', true)], []);
    expect(places.map(({ key, isSigned }) => [key, isSigned])).toEqual([
      ['dingtalk/Ops', true],
      ['slack/Ops', false],
    ]);
  });

  it('puts the newest first, and a mail into each of its mailboxes', () => {
    const places = placesOf([], [item(1, 'mail', 'a@e.com'), item(2, 'mail', 'a@e.com,b@e.com')]);
    expect(places.map(({ name, items }) => [name, items.map(({ id }) => id)])).toEqual([
      ['a@e.com', [2, 1]],
      ['b@e.com', [2]],
    ]);
  });

  it.each([
    ['dingtalk', '/robot/send?access_token=tok&timestamp=1&sign=x', 'tok'],
    ['wecom', '/cgi-bin/webhook/send?key=k', 'k'],
    ['slack', '/services/T/B/x', 'T/B/x'],
    ['webhook', '/webhook/hook', 'hook'],
  ] as const)('names an unknown robot of %s by its token', (platform, path, name) => {
    expect(placesOf([], [item(1, platform, path)])).toMatchObject([{ name, isKnown: false }]);
  });
});
