/** What was measured, as tables to read. */
import { readFileSync } from 'node:fs';
import { cpus, totalmem } from 'node:os';
import type { ProcessCost } from './accounting.js';
import type { Measured } from './measured.js';
import type { Latency } from './percentiles.js';
import type { CountedStatement } from './servers.js';

export function machine(): string {
  const [cpu] = cpus();
  const system = /^PRETTY_NAME="(.*)"$/m.exec(readFileSync('/etc/os-release', 'utf8'))?.[1] ?? process.platform;
  return `${cpus().length} × ${cpu?.model.trim()}, ${Math.round(totalmem() / 2 ** 30)} GB, ${system}, Node ${process.versions.node}; load, sink and servers on the same cores`;
}

/** One row per stretch, a stretch a column would be too wide for. */
export function overview(all: readonly Measured[]): string {
  return table(
    ['', 'accepted/s', 'delivered/s', 'p50', 'p95', 'p99', 'max', 'CPU ms/delivery', 'lost', 'duplicated', 'others'],
    all.map((measured) => {
      const isIngest = measured.delivered === 0 && measured.lost === 0;
      const latency = isIngest ? measured.postLatency : measured.fromAcceptance;
      return [
        measured.name,
        whole(measured.acceptedPerSecond),
        isIngest ? '–' : whole(measured.deliveredPerSecond),
        ms(latency.p50),
        ms(latency.p95),
        ms(latency.p99),
        ms(latency.max),
        isIngest ? `${measured.cpuMsPerDelivery.toFixed(3)} per event` : measured.cpuMsPerDelivery.toFixed(2),
        String(measured.lost),
        String(measured.duplicates),
        `${(100 * measured.othersShare).toFixed(0)} %`,
      ];
    }),
  );
}

/** All of one stretch. */
export function details(measured: Measured): string {
  const { pace, costs } = measured;
  const per = measured.delivered > 0 ? measured.delivered : Math.max(1, measured.accepted);
  const how =
    'inFlight' in pace
      ? `closed loop, ${pace.inFlight} requests in flight`
      : `open loop, ${pace.ratePerSecond} events/s`;
  const facts = [
    `${measured.ground}, ready after ${(measured.readyAfterMs / 1_000).toFixed(1)} s; ${measured.accounts} accounts, ${measured.destinations} webhooks; ${how}, ${measured.batch} per request; ${measured.loadSeconds.toFixed(1)} s`,
    `posted ${measured.posted}, answers ${JSON.stringify(measured.statuses)}; accepted ${measured.accepted} (${whole(measured.acceptedPerSecond)}/s)`,
    `delivered ${measured.delivered}: ${whole(measured.deliveredPerSecond)}/s from the first post to the last delivery, ${whole(measured.deliveredPerSecondUnderLoad)}/s while posting; the last ${ms(measured.drainedAfterMs)} ms after the load's end`,
    `from the 202 to the sink, ms: ${percentiles(measured.fromAcceptance)}`,
    `from the post to the sink, ms: ${percentiles(measured.fromPost)}`,
    `the post itself, ms:           ${percentiles(measured.postLatency)}`,
    `lost ${measured.lost}, duplicated ${measured.duplicates}, repeated under another webhook-id ${measured.otherIds}`,
    `load average before ${measured.loadAverageBefore.toFixed(1)}; ${(100 * measured.othersShare).toFixed(0)} % of the machine's CPU went to others (and to the kernel on nobody's account)`,
    `measuring cost, CPU ms per event: load ${measured.ownCpuMsPerEvent.load.toFixed(3)}, sink ${measured.ownCpuMsPerEvent.sink.toFixed(3)}, the rest ${measured.ownCpuMsPerEvent.bench.toFixed(3)}`,
  ];
  const rows = costs.map(({ name, cpuMs, peakMb }) => [name, (cpuMs / per).toFixed(3), whole(cpuMs), whole(peakMb)]);
  const sum = (of: (cost: Measured['costs'][number]) => number) => costs.reduce((total, cost) => total + of(cost), 0);
  rows.push([
    'in all',
    measured.cpuMsPerDelivery.toFixed(3),
    whole(sum(({ cpuMs }) => cpuMs)),
    whole(sum(({ peakMb }) => peakMb)),
  ]);
  const unit = measured.delivered > 0 ? 'delivery' : 'event';
  return `${measured.name}\n  ${facts.join('\n  ')}\n${table(['process', `CPU ms/${unit}`, 'CPU ms', 'peak MB'], rows)}`;
}

/** Share of one core while nothing happens. */
export function atRest(costs: readonly ProcessCost[], seconds: number): string {
  const share = (cpuMs: number) => `${(cpuMs / seconds / 10).toFixed(1)} %`;
  const sum = costs.reduce((total, { cpuMs }) => total + cpuMs, 0);
  const rows = costs.map(({ name, cpuMs, peakMb }) => [name, share(cpuMs), whole(peakMb)]);
  return table(['at rest', 'of a core', 'MB'], [...rows, ['in all', share(sum), '']]);
}

/** What the database did for each delivery, dearest first. */
export function statements(all: readonly CountedStatement[], deliveries: number): string {
  const per = (value: number) => (value / Math.max(1, deliveries)).toFixed(4);
  const rows = all.map(({ text, calls, rows: count, ms: total }) => [
    text.slice(0, 110),
    String(calls),
    (count / Math.max(1, calls)).toFixed(1),
    per(calls),
    (total / Math.max(1, calls)).toFixed(3),
    per(total),
  ]);
  return table(['statement', 'calls', 'rows per call', 'calls per delivery', 'ms per call', 'ms per delivery'], rows);
}

/** Figures to the right; the first columns, so many, hold words. */
export function table(head: readonly string[], rows: readonly (readonly string[])[], wordColumns = 1): string {
  const widths = head.map((title, column) => Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    `| ${cells.map((cell, column) => (column < wordColumns ? cell.padEnd(widths[column]!) : cell.padStart(widths[column]!))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (column < wordColumns ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(head), rule, ...rows.map(line)].join('\n');
}

const percentiles = ({ p50, p95, p99, max }: Latency) =>
  `p50 ${ms(p50)}, p95 ${ms(p95)}, p99 ${ms(p99)}, max ${ms(max)}`;
const whole = (value: number) => value.toFixed(0);
const ms = (value: number) => (value < 100 ? value.toFixed(1) : value.toFixed(0));
