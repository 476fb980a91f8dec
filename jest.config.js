import { existsSync, readdirSync } from 'node:fs';

const root = import.meta.dirname;
const workspaces = ['libs', 'services'].flatMap((group) =>
  readdirSync(`${root}/${group}`, { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map((entry) => ({ name: entry.name, path: `${group}/${entry.name}` })),
);

/** `@herald/<name>` is read from its sources, so that a test never sees a stale build. */
const sources = Object.fromEntries(workspaces.map(({ name, path }) => [`^@herald/${name}$`, `${root}/${path}/src/index.ts`]));

const project = (name, roots) => ({
  displayName: name,
  rootDir: root,
  roots,
  testEnvironment: 'node',
  testMatch: ['**/*.spec.ts', '**/*.e2e.ts'],
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
});

export default {
  testTimeout: 30_000,
  maxWorkers: 2,
  projects: [
    ...workspaces.map(({ name, path }) =>
      project(name, ['src', 'bench', 'faults'].map((folder) => `${root}/${path}/${folder}`).filter((folder) => existsSync(folder))),
    ),
  ],
};
