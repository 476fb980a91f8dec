/**
 * Imports point one way: services → delivery → channels → contracts; services → subscriptions → platform → contracts;
 * delivery → platform. `npm run boundaries` checks the sources; each workspace is reached by its name, so what is seen
 * here is what `package.json` and the compiler see.
 */
const only = (name, from, allowed, comment) => ({
  name,
  severity: 'error',
  comment,
  from: { path: from, pathNot: tests },
  to: { path: '^(libs|services)/', pathNot: [from, ...allowed] },
});

/** Files that never run in production. */
const tests = '[.](spec|e2e)[.]ts$|^libs/testing/|^(libs|services)/[^/]+/(test|e2e|bench|faults|dist/tools)/';

module.exports = {
  forbidden: [
    {
      name: 'no-cycles',
      severity: 'error',
      comment:
        'Two files that need each other are one file, or hide a third. Types may point back: seen in what was built.',
      from: { path: '/dist/' },
      to: { circular: true },
    },
    only('contracts-import-nothing', '^libs/contracts/', [], 'Contracts cross processes: they import nothing of ours.'),
    only(
      'channels-import-contracts',
      '^libs/channels/',
      ['^libs/contracts/'],
      'A channel describes; it knows no runtime.',
    ),
    only(
      'platform-imports-contracts',
      '^libs/platform/',
      ['^libs/contracts/'],
      'How a process runs, whatever it does.',
    ),
    only(
      'subscriptions-import-platform',
      '^libs/subscriptions/',
      ['^libs/(platform|contracts)/'],
      'Who gets what knows nothing of how it is sent.',
    ),
    only(
      'delivery-imports-channels-and-platform',
      '^libs/delivery/',
      ['^libs/(channels|platform|contracts)/'],
      'Delivery is given what it needs of subscriptions.',
    ),
    {
      name: 'services-stand-alone',
      severity: 'error',
      comment: 'A service never imports another one; only all-in-one composes them.',
      from: { path: '^services/([^/]+)/', pathNot: '^services/all-in-one/' },
      to: { path: '^services/', pathNot: '^services/$1/' },
    },
    {
      name: 'testing-only-in-tests',
      severity: 'error',
      comment: 'What tests need never runs in production.',
      from: { pathNot: tests },
      to: { path: '^libs/testing/' },
    },
    {
      name: 'kafkajs-behind-the-bus',
      severity: 'error',
      comment: 'kafkajs has traps; libs/platform/src/bus is where they are known.',
      from: { pathNot: ['^libs/platform/(src|dist)/bus/', tests] },
      to: { path: 'node_modules/kafkajs/' },
    },
    {
      name: 'one-way-out',
      severity: 'error',
      comment: 'Calls to the outside go through the guarded client of libs/channels.',
      from: { path: '^(libs|services)/', pathNot: ['^libs/channels/', tests] },
      to: { path: 'node_modules/(axios|undici|@slack/web-api|nodemailer)/' },
    },
    {
      name: 'declared',
      severity: 'error',
      comment: "Declare it in this workspace's package.json (npm install -w). Tests may use what the root declares.",
      from: { pathNot: tests },
      to: { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
    },
    {
      name: 'resolvable',
      severity: 'error',
      comment: 'The import leads nowhere.',
      from: {},
      to: { couldNotResolve: true },
    },
  ],
  options: {
    // A workspace's build stands for it: what it imports itself is seen in its sources.
    doNotFollow: { path: ['node_modules', '/dist/'] },
    tsPreCompilationDeps: true,
    parser: 'swc',
    enhancedResolveOptions: { exportsFields: ['exports'], conditionNames: ['import', 'node', 'default', 'types'] },
  },
};
