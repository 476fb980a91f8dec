/** The stretches that docs/bench.md quotes, each on a ground of its own. */
import { Bench, type BenchOptions } from './bench.js';
import type { GroundName } from './ground.js';
import type { Measured } from './measured.js';
import type { Options, ScenarioName } from './options.js';
import { atRest, statements } from './report.js';
import type { Servers } from './servers.js';

const CLOSED_LOOP = { inFlight: 48 } as const;

export interface Scene {
  readonly options: Options;
  readonly servers: Servers | undefined;
  readonly say: (line: string) => void;
  readonly done: (measured: Measured) => void;
}

interface Shape {
  readonly ground?: GroundName;
  readonly only?: readonly string[];
  readonly accounts?: number;
  readonly destinations?: number;
  readonly env?: Readonly<Record<string, string>>;
}

export const scenarioRuns: Record<ScenarioName, (scene: Scene) => Promise<void>> = {
  async throughput(scene) {
    for (const accounts of [1, 100]) {
      await on(scene, { accounts }, async (bench) => {
        await bench.warmUp();
        const name = `${accounts} ${accounts === 1 ? 'account' : 'accounts'}, 48 in flight`;
        scene.done(await bench.measure({ name, pace: CLOSED_LOOP, seconds: scene.options.seconds }));
      });
    }
  },

  async latency(scene) {
    await on(scene, { accounts: 100 }, async (bench) => {
      await bench.warmUp();
      for (const ratePerSecond of [200, 500]) {
        await bench.warmUp({ ratePerSecond });
        scene.done(
          await bench.measure({
            name: `${ratePerSecond} events/s`,
            pace: { ratePerSecond },
            seconds: scene.options.seconds,
          }),
        );
      }
    });
  },

  /** One ingest process, and nobody who takes its events away. The console is there to set up, and idle. */
  async ingest(scene) {
    await on(scene, { only: ['ingest', 'console'], accounts: 100 }, async (bench) => {
      await bench.warmUp(CLOSED_LOOP, 1, true);
      scene.done(
        await bench.measure({
          name: 'ingest alone, single posts',
          pace: CLOSED_LOOP,
          seconds: scene.options.seconds,
          ingestOnly: true,
        }),
      );
      await bench.warmUp({ inFlight: 4 }, 100, true);
      scene.done(
        await bench.measure({
          name: 'ingest alone, batches of 100',
          pace: { inFlight: 4 },
          batch: 100,
          seconds: scene.options.seconds,
          ingestOnly: true,
        }),
      );
    });
  },

  /** Faster in than out: acceptance must not starve delivery. */
  async batch(scene) {
    await on(scene, { accounts: 100 }, async (bench) => {
      await bench.warmUp();
      scene.done(
        await bench.measure({
          name: 'batches of 100 to the sink',
          pace: { inFlight: 2 },
          batch: 100,
          events: 20_000,
          seconds: 60,
          drainSeconds: 120,
        }),
      );
    });
  },

  async embedded(scene) {
    await on(scene, { ground: 'embedded', accounts: 100 }, async (bench) => {
      await bench.warmUp();
      scene.done(
        await bench.measure({ name: 'embedded, 48 in flight', pace: CLOSED_LOOP, seconds: scene.options.seconds }),
      );
      scene.done(
        await bench.measure({
          name: 'embedded, 200 events/s',
          pace: { ratePerSecond: 200 },
          seconds: scene.options.seconds,
        }),
      );
    });
  },

  /** Twenty endpoints, first all well, then the first of them hanging with more calls due than anything bounded holds. */
  async isolation(scene) {
    await on(scene, { accounts: 20, destinations: 20 }, async (bench) => {
      const pace = { ratePerSecond: 400 };
      const others = (endpoint: number) => endpoint !== 0;
      const seconds = Math.max(scene.options.seconds, 30);
      await bench.warmUp();
      await bench.warmUp(pace);
      scene.done(await bench.measure({ name: 'nineteen of twenty, all well', pace, seconds, endpoints: others }));
      await bench.setMode(0, 'hang');
      await bench.post(1_000, bench.audience.targets.slice(0, 1));
      const hanging = await bench.measure({ name: 'the nineteen, one hanging', pace, seconds, endpoints: others });
      scene.say(`the hanging endpoint held ${hanging.sink.heldAtMost} calls at most`);
      scene.done(hanging);
    });
  },

  /** Nothing happens: what waiting for something costs. */
  async rest(scene) {
    await on(scene, {}, async (bench) => {
      await bench.warmUp();
      const { seconds } = scene.options;
      scene.say(atRest(await bench.rest(seconds), seconds));
    });
  },

  /** Two minutes of one endpoint's life: down for a minute, its events waiting, then well again. */
  async recovery(scene) {
    await on(scene, { accounts: 1 }, async (bench) => {
      const pace = { ratePerSecond: 100 };
      const seconds = (scene.options.outageMs || 60_000) / 1_000;
      await bench.warmUp(pace);
      await bench.setMode(0, 503);
      scene.done(
        await bench.measure({
          name: `${seconds} s of 503, then well`,
          pace,
          seconds,
          drainSeconds: 120,
          atLoadEnd: () => bench.setMode(0, 'ok'),
        }),
      );
    });
  },
};

/** One stretch as the options describe it. */
export async function ownScenario(scene: Scene): Promise<void> {
  const { options } = scene;
  await on(
    scene,
    { ground: options.ground, accounts: options.accounts, destinations: options.destinations },
    async (bench) => {
      await bench.warmUp();
      const hanging = Math.round(options.destinations * options.hanging);
      const failing = Math.round(options.destinations * options.failing);
      for (let endpoint = 0; endpoint < hanging + failing; endpoint += 1) {
        await bench.setMode(endpoint, endpoint < hanging ? 'hang' : 500);
      }
      const down = options.outageMs > 0;
      if (down) await everyEndpoint(bench, options, hanging + failing, 503);
      const recovery = down
        ? new Promise<void>((resolve) => {
            setTimeout(
              () => void everyEndpoint(bench, options, hanging + failing, 'ok').then(resolve),
              options.outageMs,
            );
          })
        : undefined;
      const measured = await bench.measure({
        name: 'as the options say',
        pace: options.pace,
        batch: options.batch,
        seconds: options.seconds,
        ...(options.events === undefined ? {} : { events: options.events }),
        endpoints: (endpoint) => endpoint >= hanging + failing,
        ...(recovery ? { atLoadEnd: () => recovery, drainSeconds: 120 } : {}),
      });
      scene.done(measured);
    },
  );
}

async function everyEndpoint(bench: Bench, options: Options, from: number, mode: 503 | 'ok'): Promise<void> {
  for (let endpoint = from; endpoint < options.destinations; endpoint += 1) await bench.setMode(endpoint, mode);
}

async function on(scene: Scene, shape: Shape, work: (bench: Bench) => Promise<void>): Promise<void> {
  const { options, servers, say } = scene;
  const accounts = shape.accounts ?? 1;
  const name = shape.ground ?? options.ground;
  const benchOptions: BenchOptions = {
    ground: {
      name,
      ...(servers ? { servers } : {}),
      ...(shape.only && name === 'distributed' ? { only: shape.only } : {}),
      ...(options.cpuProfiles ? { nodeArguments: ['--cpu-prof', `--cpu-prof-dir=${options.cpuProfiles}`] } : {}),
      ...(options.logFolder ? { logFolder: options.logFolder } : {}),
      onExit: (process, code, signal) => say(`${process} ended by itself (${code ?? signal})`),
    },
    accounts,
    destinations: shape.destinations ?? accounts,
    bodyBytes: options.bodyBytes,
    keys: options.keys,
    say,
  };
  const bench = await Bench.start(benchOptions);
  try {
    if (options.statements) await bench.ground.space?.countStatements();
    await work(bench);
    const counted = options.statements ? await bench.ground.space?.countedStatements() : undefined;
    if (counted) say(`${statements(counted, (await bench.sinkCounts()).delivered)}\n`);
  } finally {
    await bench.stop();
  }
}
