/** The run as markdown, and whether it held. */
import { machine, table } from '../bench/report.js';
import { isBalanced } from './checks.js';
import type { FaultReport } from './fault-run.js';
import type { Felt } from './history.js';

export interface Check {
  readonly name: string;
  readonly isKept: boolean;
  readonly seen: string;
}

export function checksOf(report: FaultReport): readonly Check[] {
  const { ledger, states, inbox, sink, load } = report;
  return [
    check('every event with a 202 has ended', states.others.length === 0, `${states.ended} of ${load.accepted} ended`),
    check(
      'none is lost on its way to the webhook',
      report.notDelivered === 0,
      `${report.notDelivered} of ${load.accepted} not delivered`,
    ),
    check(
      'the ledger balances',
      isBalanced(ledger),
      `gap ${ledger.gap}, ${JSON.stringify(ledger.events)}, ${JSON.stringify(ledger.deliveries)}`,
    ),
    check(
      'the inbox has every message once',
      inbox.duplicates === 0 && inbox.missing.length === 0 && inbox.foreign === 0,
      `${inbox.messages} messages, ${inbox.duplicates} twice, ${inbox.missing.length} missing, ${inbox.foreign} of no event`,
    ),
    check(
      'a repeated call carries the same webhook-id',
      sink.otherIds === 0,
      `${sink.duplicates} repeated calls, ${sink.otherIds} under another id`,
    ),
    check(
      'every post was accepted in the end',
      load.unanswered === 0,
      `${load.unanswered} of ${load.posted} without a 202`,
    ),
    check(
      'everything came back by itself',
      report.stuck.length === 0,
      report.stuck.length === 0 ? 'nobody restarted anything' : report.stuck.join(', '),
    ),
  ];
}

export function reportOf(report: FaultReport): string {
  const { load, sink } = report;
  const share = (100 * sink.duplicates) / Math.max(1, load.accepted);
  return [
    `Machine: ${machine()}.`,
    '',
    `${report.ground}, ${report.ratePerSecond} events/s for ${report.seconds.toFixed(0)} s: ${load.posted} events posted, ${load.requests} requests (${load.repeated} repeated under their keys; answers ${JSON.stringify(load.statuses)}), ${load.accepted} accepted. The last had ended ${(report.drainedAfterMs / 1_000).toFixed(1)} s after the load.`,
    `Webhooks called again after a 200: ${sink.duplicates} (${share.toFixed(3)} %).`,
    `Processes that ended by themselves: ${report.ownExits.length === 0 ? 'none' : report.ownExits.map(({ process, how }) => `${process} (${how})`).join(', ')}.`,
    '',
    table(
      ['check', 'kept', 'seen'],
      checksOf(report).map(({ name, isKept, seen }) => [name, isKept ? 'yes' : '**NO**', seen]),
      3,
    ),
    '',
    table(
      [
        'fault',
        'times',
        'ready again, median / worst s',
        'caught up, median / worst s',
        'longest without a 202, s',
        'late events',
        'calls again',
      ],
      [...grouped(report.faults)].map(([name, faults]) => [
        name,
        String(faults.length),
        spread(faults.map(({ readyAfterMs }) => readyAfterMs ?? Number.POSITIVE_INFINITY)),
        spread(faults.map(({ caughtUpAfterMs }) => caughtUpAfterMs)),
        seconds(Math.max(...faults.map(({ silenceMs }) => silenceMs))),
        String(sum(faults.map(({ lateEvents }) => lateEvents))),
        String(sum(faults.map(({ duplicates }) => duplicates))),
      ]),
    ),
    ...report.states.others.slice(0, 20).map(({ eventId, answer }) => `\nnot ended: ${eventId} ${answer}`),
    ...report.inbox.missing.slice(0, 20).map((eventId) => `\nnot in the inbox: ${eventId}`),
  ].join('\n');
}

const check = (name: string, isKept: boolean, seen: string): Check => ({ name, isKept, seen });

function grouped(faults: readonly Felt[]): Map<string, Felt[]> {
  const groups = new Map<string, Felt[]>();
  for (const fault of faults) groups.set(fault.name, [...(groups.get(fault.name) ?? []), fault]);
  return groups;
}

function spread(values: readonly number[]): string {
  const sorted = [...values].sort((a, b) => a - b);
  return `${seconds(sorted[Math.floor((sorted.length - 1) / 2)] ?? 0)} / ${seconds(sorted.at(-1) ?? 0)}`;
}

const seconds = (ms: number) => (Number.isFinite(ms) ? (ms / 1_000).toFixed(1) : 'never');
const sum = (values: readonly number[]) => values.reduce((total, value) => total + value, 0);
