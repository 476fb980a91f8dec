/** `npm run bench`: figures, never an assertion. docs/bench.md says what they mean. */
import { mkdirSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import type { Measured } from './measured.js';
import { readOptions, usage } from './options.js';
import { details, machine, overview } from './report.js';
import { ownScenario, type Scene, scenarioRuns } from './scenarios.js';
import { serversFromEnvironment } from './servers.js';

const options = (() => {
  try {
    return readOptions(process.argv.slice(2));
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${usage}`);
    process.exit(1);
  }
})();
if (options === 'help') {
  console.log(usage);
  process.exit(0);
}

const all: Measured[] = [];
const needsServers =
  options.ground !== 'embedded' && !(options.scenarios.length === 1 && options.scenarios[0] === 'embedded');
const scene: Scene = {
  options,
  servers: needsServers ? serversFromEnvironment(process.env) : undefined,
  say: (line) => console.log(line),
  done: (measured) => {
    all.push(measured);
    console.log(`\n${details(measured)}\n`);
  },
};

console.log(machine());
for (const folder of [options.cpuProfiles, options.logFolder])
  if (folder) mkdirSync(resolve(folder), { recursive: true });
try {
  if (options.scenarios.length === 0) await ownScenario(scene);
  for (const name of options.scenarios) {
    console.log(`\n# ${name}`);
    await scenarioRuns[name](scene);
  }
} finally {
  if (all.length > 0) console.log(`\n${machine()}\n\n${overview(all)}`);
  if (options.json) {
    mkdirSync(dirname(resolve(options.json)), { recursive: true });
    writeFileSync(
      options.json,
      `${JSON.stringify({ machine: machine(), at: new Date().toISOString(), runs: all }, null, 2)}\n`,
    );
  }
}
process.exit(0);
