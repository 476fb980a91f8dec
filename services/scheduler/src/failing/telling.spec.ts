import { describe, expect, it } from '@jest/globals';
import { type FailingWebhook, nextStep, type Step, type Told } from './telling.js';

const HOUR = 3_600_000;
const now = new Date('2026-05-04T12:00:00Z');
const ago = (hours: number) => new Date(now.getTime() - hours * HOUR);
const webhook = (more: Partial<FailingWebhook> = {}): FailingWebhook => ({
  status: 'enabled',
  statusReason: null,
  failingSince: null,
  lastSuccessAt: null,
  revision: 1,
  ...more,
});
const told = (kind: Told['kind'], toldHoursAgo: number, more: Partial<Told> = {}): Told => ({
  kind,
  failingSince: ago(30),
  toldAt: ago(toldHoursAgo),
  revision: 1,
  ...more,
});
const byHerald = { status: 'disabled', statusReason: 'kept-failing' } as const;
const byPeople = { status: 'disabled', statusReason: 'switched off' } as const;

describe('what an account hears of a webhook', () => {
  const cases: [string, FailingWebhook | null, Told | null, Step['do'] | `tell ${Told['kind']}`][] = [
    ['one that works', webhook(), null, 'nothing'],
    ['failing for some minutes', webhook({ failingSince: ago(0.9) }), null, 'nothing'],
    ['failing for an hour', webhook({ failingSince: ago(1) }), null, 'tell failing'],
    ['refused a moment ago', webhook({ failingSince: ago(0), status: 'failing' }), null, 'tell failing'],
    ['told this day', webhook({ failingSince: ago(30) }), told('failing', 23), 'nothing'],
    ['told a day ago', webhook({ failingSince: ago(30) }), told('failing', 24), 'tell failing'],
    ['failing again soon after it worked', webhook({ failingSince: ago(2) }), told('works', 23), 'nothing'],
    ['failing for almost 120 h', webhook({ failingSince: ago(119.9) }), told('failing', 1), 'nothing'],
    ['failing for 120 h', webhook({ failingSince: ago(120) }), told('failing', 1), 'disable'],
    ['failing for 120 h, never told', webhook({ failingSince: ago(120) }), null, 'disable'],
    ['switched off by Herald', webhook({ ...byHerald, failingSince: ago(120) }), told('failing', 1), 'tell disabled'],
    [
      'switched off by a 410 at once',
      webhook({ status: 'disabled', statusReason: 'endpoint-gone' }),
      null,
      'tell disabled',
    ],
    ['told that it is switched off', webhook(byHerald), told('disabled', 100), 'nothing'],
    [
      'switched off again with other settings',
      webhook({ ...byHerald, revision: 2 }),
      told('disabled', 1),
      'tell disabled',
    ],
    ['switched off by people', webhook(byPeople), null, 'nothing'],
    ['switched off by people while it failed', webhook(byPeople), told('failing', 1), 'forget'],
    ['works again', webhook({ lastSuccessAt: ago(1) }), told('failing', 2), 'tell works'],
    ['enabled again, nothing sent yet', webhook({ lastSuccessAt: ago(40) }), told('disabled', 2), 'nothing'],
    ['enabled again and works', webhook({ lastSuccessAt: ago(1) }), told('disabled', 2), 'tell works'],
    ['told that it works, this day', webhook({ lastSuccessAt: ago(1) }), told('works', 23), 'nothing'],
    ['told that it works, long ago', webhook({ lastSuccessAt: ago(1) }), told('works', 24), 'forget'],
    ['removed', null, told('failing', 1), 'forget'],
  ];
  it.each(cases)('%s', (_, given, before, expected) => {
    const step = nextStep(given, before, now);
    expect(step.do === 'tell' ? `tell ${step.news}` : step.do).toBe(expected);
  });
});
