import { readdirSync } from 'node:fs';

const root = import.meta.dirname;
const workspaces = ['libs', 'services'].flatMap((group) =>
  readdirSync(`${root}/${group}`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => ({ name: entry.name, path: `${group}/${entry.name}` })),
);

/** `@herald/<name>` is read from its sources, so that a test never sees a stale build. */
const sources = Object.fromEntries(
  workspaces.map(({ name, path }) => [`^@herald/${name}$`, `${root}/${path}/src/index.ts`]),
);

/** These need nothing, so a run of them alone starts nothing. */
const alone = new Set(['contracts', 'channels', 'sandbox']);

const servers = {
  globalSetup: `${root}/libs/testing/start-servers.js`,
  globalTeardown: `${root}/libs/testing/stop-servers.js`,
};

const project = (name, folder, testMatch) => ({
  displayName: name,
  rootDir: root,
  roots: [folder],
  testEnvironment: 'node',
  testMatch,
  extensionsToTreatAsEsm: ['.ts'],
  moduleNameMapper: { ...sources, '^(\\.{1,2}/.*)\\.js$': '$1' },
  transform: {
    '^.+\\.ts$': [
      '@swc/jest',
      {
        jsc: {
          target: 'es2024',
          parser: { syntax: 'typescript', decorators: true },
          transform: { legacyDecorator: true, decoratorMetadata: true },
          keepClassNames: true,
        },
        module: { type: 'es6' },
        sourceMaps: 'inline',
      },
    ],
  },
  transformIgnorePatterns: ['/node_modules/'],
  ...(alone.has(name) ? {} : servers),
});

/** A project per workspace, and `e2e`, which runs what was built as processes of its own and wants the machine for itself. */
export default {
  testTimeout: 30_000,
  maxWorkers: 2,
  projects: [
    ...workspaces.map(({ name, path }) => project(name, `<rootDir>/${path}/src`, ['**/*.spec.ts'])),
    project('e2e', '<rootDir>/services/all-in-one/e2e', ['**/*.e2e.ts']),
    project('bench', '<rootDir>/services/all-in-one/bench', ['**/*.spec.ts']),
    project('faults', '<rootDir>/services/all-in-one/faults', ['**/*.spec.ts']),
  ],
};
