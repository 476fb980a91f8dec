/**
 * `npm run services [-- name …]`: the services as separate processes against your own Kafka, PostgreSQL and Redis, with
 * one origin on HERALD_PORT (3000). With names, only those, without the gateway. HERALD_SANDBOX=true adds the sandbox.
 */
import { Config, inWords, listenFault, platformConfig } from '@herald/platform';
import { type Environment, HERALD_PORT, isGiven, withEmbeddedDefaults } from './embedded-defaults.js';
import { startGateway } from './gateway.js';
import { type ProcessPlan, planProcesses } from './processes.js';
import { Supervisor } from './supervisor.js';

const required = ['HERALD_DATABASE_URL', 'HERALD_KAFKA_BROKERS', 'HERALD_SECRET_KEYS'];

function refuse(message: string): never {
  console.error(message);
  process.exit(1);
}

/** Told here once, and not by each process again and again. */
function usableEnvironment(): Environment {
  const missing = required.filter((name) => !isGiven(process.env, name));
  if (missing.length > 0) {
    refuse(
      `Services as processes of their own need servers: set ${missing.join(', ')} (docs/configuration.md). Without servers: npm start.`,
    );
  }
  try {
    const environment = withEmbeddedDefaults(process.env);
    Config.read([platformConfig], environment);
    return environment;
  } catch (error) {
    return refuse(inWords(error) ?? String(error));
  }
}

function plansFor(environment: Environment, basePort: number): readonly ProcessPlan[] {
  const plans = planProcesses(basePort);
  if (environment['HERALD_SANDBOX'] !== 'true') return plans;
  return [
    { name: 'sandbox', service: 'sandbox', port: Number(environment['HERALD_SANDBOX_PORT'] || 3010), env: {} },
    ...plans,
  ];
}

const say = (name: string, line: string) => console.log(`${name.padEnd(22)} ${line}`);

const environment = usableEnvironment();
const basePort = Number(environment['HERALD_PORT'] || HERALD_PORT);
const wanted = process.argv.slice(2);
const plans = plansFor(environment, basePort);
const isWanted = ({ name, service }: ProcessPlan) =>
  wanted.length === 0 || wanted.includes(name) || wanted.includes(service);
const unknown = wanted.filter((name) => !plans.some((plan) => plan.name === name || plan.service === name));
if (unknown.length > 0) {
  refuse(`Unknown service: ${unknown.join(', ')}. There are: ${plans.map((plan) => plan.name).join(', ')}`);
}
if (!isGiven(environment, 'HERALD_BOOTSTRAP_OPERATOR_TOKEN')) {
  say('services', 'HERALD_BOOTSTRAP_OPERATOR_TOKEN is not set: only people with a password can sign in');
}

const supervisor = new Supervisor({ env: environment as NodeJS.ProcessEnv, onLine: say });
for (const plan of plans) if (isWanted(plan)) supervisor.start(plan);

const at = (name: string) => `http://127.0.0.1:${plans.find((plan) => plan.name === name)?.port}`;
const gateway =
  wanted.length === 0
    ? await startGateway(basePort, { ingest: at('ingest'), inbox: at('inbox'), console: at('console') }).catch(
        async (error: unknown) => {
          await supervisor.stop();
          return refuse(inWords(listenFault(error, 'HERALD_PORT')) ?? String(error));
        },
      )
    : null;
if (gateway) say('gateway', gateway.url);

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, async () => {
    await gateway?.close();
    await supervisor.stop();
    process.exit(0);
  });
}
