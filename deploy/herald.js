/** The image's entry: runs the service that the argument names in this very process, so that signals reach it. */
import { existsSync, readdirSync } from 'node:fs';

const folder = new URL('services/', import.meta.url);
const main = (name) => new URL(`${name}/dist/main.js`, folder);
const names = readdirSync(folder).filter((name) => existsSync(main(name)));
const [name] = process.argv.slice(2);
if (!names.includes(name)) {
  console.error(`Unknown service: ${name}. There are: ${names.join(', ')}`);
  process.exit(64);
}
await import(main(name));
