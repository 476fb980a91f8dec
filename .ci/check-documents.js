/**
 * What documents promise must be there: links lead to files, commands to scripts, the README stays short and names the
 * command that .ci/run calls, and the lock file names no registry. (That the configuration reference is fresh, a test says.)
 */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';

const root = resolve(import.meta.dirname, '..');
const read = (path) => readFileSync(join(root, path), 'utf8');
const faults = [];

const documents = execFileSync('git', ['ls-files', '*.md'], { cwd: root, encoding: 'utf8' }).trim().split('\n');
const { scripts, workspaces } = JSON.parse(read('package.json'));
const lifecycle = new Set(['ci', 'install', 'start', 'test']);

/** As GitHub makes them. */
const anchorsOf = (text) =>
  new Set(
    [...text.matchAll(/^#+ (.+)$/gm)].map(([, title]) =>
      title
        .toLowerCase()
        .replace(/[^\p{L}\p{N} _-]/gu, '')
        .replaceAll(' ', '-'),
    ),
  );

for (const document of documents) {
  const text = read(document);
  const prose = text.replace(/^```[\s\S]*?^```/gm, '').replace(/`[^`\n]*`/g, '');
  for (const [, target] of prose.matchAll(/\]\(([^)\s]+)\)/g)) {
    if (/^[a-z]+:/.test(target)) continue;
    const [path, anchor] = target.split('#');
    const file = path === '' ? join(root, document) : join(root, dirname(document), path);
    if (!existsSync(file)) faults.push(`${document}: the link ${target} leads nowhere`);
    else if (anchor && file.endsWith('.md') && !anchorsOf(readFileSync(file, 'utf8')).has(anchor)) {
      faults.push(`${document}: the link ${target} names a heading that isn't there`);
    }
  }
  for (const [, isRun, name] of text.matchAll(/\bnpm (run )?([a-z][a-z:-]*)/g)) {
    if (isRun ? !scripts[name] : lifecycle.has(name) && !['ci', 'install'].includes(name) && !scripts[name]) {
      faults.push(`${document}: there is no script "${name}"`);
    }
  }
  for (const [, path] of text.matchAll(/(?:^|[\s`])((?:\.ci|deploy|docs|libs|services)\/[\w./-]*\w)/gm)) {
    if (!existsSync(join(root, path))) faults.push(`${document}: there is no ${path}`);
  }
}

const readme = read('README.md');
const lines = readme.trimEnd().split('\n').length;
if (lines > 200) faults.push(`README.md: ${lines} lines, 200 at most`);
for (const command of ['npm ci && npm start', 'npm ci && npm test']) {
  if (!readme.includes(command)) faults.push(`README.md does not say "${command}"`);
}

const lock = JSON.parse(read('package-lock.json'));
for (const [path, { resolved }] of Object.entries(lock.packages)) {
  const isOurs = workspaces.some((glob) => resolved?.startsWith(glob.replace('*', '')));
  if (resolved && !isOurs)
    faults.push(`package-lock.json: ${path} is resolved to an address; the registry is the user's`);
}

if (faults.length > 0) {
  console.error(faults.join('\n'));
  process.exit(1);
}
console.log(`${documents.length} documents hold what they promise`);
