/** `npm run test:faults`: kills under load, then counts. Ends with 1 where anything accepted was lost. docs/faults.md */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parseArgs } from 'node:util';
import { endOnSignal } from '../bench/ending.js';
import { type FaultCounts, planFaults } from './fault-plan.js';
import { runFaults } from './fault-run.js';
import { FaultServers } from './fault-servers.js';
import { checksOf, reportOf } from './report.js';

const usage = `npm run test:faults -- [options]

  --ground NAME      distributed (processes on Kafka, PostgreSQL, Redis of its own) or embedded; distributed by default
  --short            one fault of each kind, about a minute and a half
  --seconds N        no fault begins later than this
  --rate R           events a second (300; embedded 100)
  --accounts N       each with one webhook (10)
  --kills N          of each process (10); also --server-kills (3), --flushes (3), --terminations (2)
  --report FILE      the report, as markdown
  --json FILE        everything seen
  --keep-logs FOLDER what Herald's processes print
`;

const { values } = parseArgs({
  options: {
    help: { type: 'boolean', short: 'h' },
    ground: { type: 'string', default: 'distributed' },
    short: { type: 'boolean', default: false },
    seconds: { type: 'string' },
    rate: { type: 'string' },
    accounts: { type: 'string', default: '10' },
    kills: { type: 'string' },
    'server-kills': { type: 'string' },
    flushes: { type: 'string' },
    terminations: { type: 'string' },
    report: { type: 'string' },
    json: { type: 'string' },
    'keep-logs': { type: 'string' },
  },
});
if (values.help) {
  console.log(usage);
  process.exit(0);
}
if (values.ground !== 'distributed' && values.ground !== 'embedded') {
  console.error(`--ground: there is no ${values.ground}; there are distributed and embedded\n\n${usage}`);
  process.exit(1);
}
const isEmbedded = values.ground === 'embedded';

const full: FaultCounts = isEmbedded
  ? { kills: 10, terminations: 2, serverKills: 0, flushes: 0 }
  : { kills: 10, terminations: 2, serverKills: 3, flushes: 3 };
const short: FaultCounts = isEmbedded
  ? { kills: 3, terminations: 1, serverKills: 0, flushes: 0 }
  : { kills: 1, terminations: 1, serverKills: 1, flushes: 1 };
const base = values.short ? short : full;
const counts: FaultCounts = {
  kills: Number(values.kills ?? base.kills),
  terminations: Number(values.terminations ?? base.terminations),
  serverKills: isEmbedded ? 0 : Number(values['server-kills'] ?? base.serverKills),
  flushes: isEmbedded ? 0 : Number(values.flushes ?? base.flushes),
};

if (values['keep-logs']) mkdirSync(resolve(values['keep-logs']), { recursive: true });
const servers = isEmbedded ? null : await FaultServers.start();
endOnSignal(async () => servers?.remove());
try {
  const report = await runFaults({
    ground: values.ground,
    servers,
    faults: (processes) => planFaults(processes, counts),
    secondsAtMost: Number(values.seconds ?? (values.short ? 90 : 3_600)),
    ratePerSecond: Number(values.rate ?? (isEmbedded ? 100 : 300)),
    accounts: Number(values.accounts),
    pauseMs: values.short ? 1_000 : 3_000,
    serverAwayMs: values.short ? 2_000 : 5_000,
    ...(values['keep-logs'] ? { logFolder: resolve(values['keep-logs']) } : {}),
    say: (line) => console.log(line),
  });
  const text = reportOf(report);
  console.log(`\n${text}\n`);
  for (const [file, content] of [
    [values.report, `${text}\n`],
    [values.json, `${JSON.stringify(report, null, 2)}\n`],
  ] as const) {
    if (!file) continue;
    mkdirSync(dirname(resolve(file)), { recursive: true });
    writeFileSync(file, content);
  }
  const broken = checksOf(report).filter(({ isKept }) => !isKept);
  console.log(broken.length === 0 ? 'Nothing was lost.' : `NOT KEPT: ${broken.map(({ name }) => name).join('; ')}`);
  process.exitCode = broken.length === 0 ? 0 : 1;
} finally {
  await servers?.remove();
}
process.exit();
