/**
 * `npm run services [-- name …]`: the services as separate processes against your own Kafka, PostgreSQL and Redis, with
 * one origin on HERALD_PORT (3000). With names, only those, without the gateway.
 */
import { startGateway } from './gateway.js';
import { planProcesses } from './processes.js';
import { Supervisor } from './supervisor.js';

const basePort = Number(process.env['HERALD_PORT'] ?? 3000);
const wanted = process.argv.slice(2);
const plans = planProcesses(basePort);
const unknown = wanted.filter((name) => !plans.some((plan) => plan.name === name || plan.service === name));
if (unknown.length > 0) {
  console.error(`Unknown service: ${unknown.join(', ')}. There are: ${plans.map((plan) => plan.name).join(', ')}`);
  process.exit(1);
}

const supervisor = new Supervisor({
  env: process.env,
  onLine: (name, line) => console.log(`${name.padEnd(22)} ${line}`),
});
for (const plan of plans) {
  if (wanted.length === 0 || wanted.includes(plan.name) || wanted.includes(plan.service)) supervisor.start(plan);
}

const at = (name: string) => `http://127.0.0.1:${plans.find((plan) => plan.name === name)?.port}`;
const gateway =
  wanted.length === 0
    ? await startGateway(basePort, { ingest: at('ingest'), inbox: at('inbox'), console: at('console') })
    : null;
if (gateway) console.log(`${'gateway'.padEnd(22)} ${gateway.url}`);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await gateway?.close();
    await supervisor.stop();
    process.exit(0);
  });
}
