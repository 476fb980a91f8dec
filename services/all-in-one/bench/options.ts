/** What `npm run bench` takes. */
import { parseArgs } from 'node:util';
import { parseDuration } from '@herald/platform';
import type { GroundName } from './ground.js';

export const scenarios = [
  'throughput',
  'latency',
  'ingest',
  'batch',
  'embedded',
  'isolation',
  'recovery',
  'rest',
] as const;
export type ScenarioName = (typeof scenarios)[number];

export const usage = `npm run bench -- [options]

  --scenario NAME[,NAME]  ${scenarios.join(', ')}: what docs/bench.md quotes; "all" for each.
                          Without it one stretch of load as the options say
  --ground NAME           distributed (processes on Kafka, PostgreSQL, Redis), embedded (one process, nothing else) or
                          one-process (one process on the real servers); distributed by default
  --seconds S             how long the load runs (20)
  --events N              or until so many were posted
  --in-flight N           closed loop: so many requests at a time (48)
  --rate R                open loop: so many events a second instead
  --batch N               events per request (1)
  --accounts N            (1)
  --destinations N        custom webhooks in all, each event goes to one (as many as accounts)
  --hanging SHARE         share of the webhooks that never answer, e.g. 0.05
  --failing SHARE         share of the webhooks that answer 500
  --outage DURATION       the webhooks answer 503 for so long, e.g. 60s, then recover
  --body-bytes N          length of an event's text (600)
  --keys                  every event carries an id of its producer's
  --json FILE             everything measured, as JSON
  --cpu-prof FOLDER       a CPU profile of each of Herald's processes
  --keep-logs FOLDER      what Herald's processes print
  --statements            what PostgreSQL executed for it (needs pg_stat_statements in shared_preload_libraries)
`;

export interface Options {
  readonly scenarios: readonly ScenarioName[];
  readonly ground: GroundName;
  readonly seconds: number;
  readonly events?: number;
  readonly pace: { readonly inFlight: number } | { readonly ratePerSecond: number };
  readonly batch: number;
  readonly accounts: number;
  readonly destinations: number;
  readonly hanging: number;
  readonly failing: number;
  readonly outageMs: number;
  readonly bodyBytes: number;
  readonly keys: boolean;
  readonly json?: string;
  readonly cpuProfiles?: string;
  readonly logFolder?: string;
  readonly statements: boolean;
}

/** Throws with what is wrong. */
export function readOptions(args: readonly string[]): Options | 'help' {
  const { values } = parseArgs({
    args: [...args],
    options: {
      help: { type: 'boolean', short: 'h' },
      scenario: { type: 'string' },
      ground: { type: 'string', default: 'distributed' },
      seconds: { type: 'string', default: '20' },
      events: { type: 'string' },
      'in-flight': { type: 'string' },
      rate: { type: 'string' },
      batch: { type: 'string', default: '1' },
      accounts: { type: 'string', default: '1' },
      destinations: { type: 'string' },
      hanging: { type: 'string', default: '0' },
      failing: { type: 'string', default: '0' },
      outage: { type: 'string', default: '0s' },
      'body-bytes': { type: 'string', default: '600' },
      keys: { type: 'boolean', default: false },
      json: { type: 'string' },
      'cpu-prof': { type: 'string' },
      'keep-logs': { type: 'string' },
      statements: { type: 'boolean', default: false },
    },
  });
  if (values.help) return 'help';
  if (values.rate && values['in-flight'])
    throw new Error('--rate and --in-flight exclude each other: open or closed loop');
  const accounts = wholeNumber('--accounts', values.accounts);
  const outageMs = parseDuration(values.outage);
  if (outageMs === null) throw new Error(`--outage: expected a duration such as 60s, not ${values.outage}`);
  return {
    scenarios: scenariosOf(values.scenario),
    ground: oneOf('--ground', values.ground, ['distributed', 'embedded', 'one-process']),
    seconds: wholeNumber('--seconds', values.seconds),
    ...(values.events ? { events: wholeNumber('--events', values.events) } : {}),
    pace: values.rate
      ? { ratePerSecond: wholeNumber('--rate', values.rate) }
      : { inFlight: wholeNumber('--in-flight', values['in-flight'] ?? '48') },
    batch: wholeNumber('--batch', values.batch),
    accounts,
    destinations: values.destinations ? wholeNumber('--destinations', values.destinations) : accounts,
    hanging: share('--hanging', values.hanging),
    failing: share('--failing', values.failing),
    outageMs,
    bodyBytes: wholeNumber('--body-bytes', values['body-bytes']),
    keys: values.keys,
    json: values.json,
    cpuProfiles: values['cpu-prof'],
    logFolder: values['keep-logs'],
    statements: values.statements,
  };
}

function scenariosOf(text: string | undefined): readonly ScenarioName[] {
  if (text === undefined) return [];
  if (text === 'all') return scenarios;
  return text.split(',').map((name) => oneOf('--scenario', name, scenarios));
}

function oneOf<Name extends string>(option: string, text: string, names: readonly Name[]): Name {
  const name = names.find((each) => each === text);
  if (name === undefined) throw new Error(`${option}: there is no ${text}; there are ${names.join(', ')}`);
  return name;
}

function wholeNumber(option: string, text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1)
    throw new Error(`${option}: expected a whole number from 1 on, not ${text}`);
  return value;
}

function share(option: string, text: string): number {
  const value = Number(text);
  if (!(value >= 0 && value <= 1)) throw new Error(`${option}: expected a share from 0 to 1, not ${text}`);
  return value;
}
