/** `npm run docs:config`. */
import { writeFileSync } from 'node:fs';
import { written } from './config-reference.js';

const root = new URL('../../../../', import.meta.url);
for (const [path, content] of Object.entries(written)) {
  writeFileSync(new URL(path, root), content());
  console.log(`wrote ${path}`);
}
