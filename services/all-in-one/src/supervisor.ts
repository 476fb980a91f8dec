/**
 * Starts processes and starts them again when they end, as compose or Kubernetes does: Herald's processes exit 1 where
 * they can't go on (semantics 31) and count on somebody to do this.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import type { ProcessPlan } from './processes.js';

const RESTART_AFTER_MS = 300;
const RESTART_AFTER_AT_MOST_MS = 5_000;
const SETTLED_AFTER_MS = 10_000;
const STOP_WITHIN_MS = 30_000;

export interface SupervisorOptions {
  readonly env: NodeJS.ProcessEnv;
  /** One line of a process's output. */
  readonly onLine?: (name: string, line: string) => void;
  /** An open file that takes a process's output instead: costs nothing where nobody reads along. */
  readonly outputFile?: (name: string) => number;
  readonly onExit?: (name: string, code: number | null, signal: NodeJS.Signals | null) => void;
  readonly nodeArguments?: readonly string[];
}

interface Running {
  readonly plan: ProcessPlan;
  child: ChildProcess;
  startedAt: number;
  restarts: number;
  delayMs: number;
}

export class Supervisor {
  private readonly running = new Map<string, Running>();
  private readonly timers = new Set<NodeJS.Timeout>();
  private stopping = false;

  constructor(private readonly options: SupervisorOptions) {}

  start(plan: ProcessPlan): void {
    const entry: Running = {
      plan,
      child: this.spawn(plan),
      startedAt: Date.now(),
      restarts: 0,
      delayMs: RESTART_AFTER_MS,
    };
    this.running.set(plan.name, entry);
    this.watch(entry);
  }

  get names(): readonly string[] {
    return [...this.running.keys()];
  }

  pid(name: string): number | undefined {
    return this.running.get(name)?.child.pid;
  }

  restarts(name: string): number {
    return this.running.get(name)?.restarts ?? 0;
  }

  /** Signals the process as it is now; it is started again unless `stop` was called. */
  kill(name: string, signal: NodeJS.Signals = 'SIGKILL'): void {
    this.running.get(name)?.child.kill(signal);
  }

  async stop(): Promise<void> {
    this.stopping = true;
    for (const timer of this.timers) clearTimeout(timer);
    await Promise.all([...this.running.values()].map(({ child }) => ended(child)));
  }

  private spawn(plan: ProcessPlan): ChildProcess {
    const main = fileURLToPath(new URL(`../../${plan.service}/dist/main.js`, import.meta.url));
    const flags = ['--enable-source-maps', '--disable-warning=TimeoutNegativeWarning'];
    const output = this.options.outputFile?.(plan.name) ?? 'pipe';
    const child = spawn(process.execPath, [...flags, ...(this.options.nodeArguments ?? []), main], {
      env: { ...this.options.env, ...plan.env },
      stdio: ['ignore', output, output],
    });
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream?.setEncoding('utf8').on('data', (chunk: string) => {
        const lines = (rest + chunk).split('\n');
        rest = lines.pop() ?? '';
        for (const line of lines) this.options.onLine?.(plan.name, line);
      });
    }
    return child;
  }

  private watch(entry: Running): void {
    entry.child.once('exit', (code, signal) => {
      if (this.stopping) return;
      this.options.onExit?.(entry.plan.name, code, signal);
      entry.delayMs =
        Date.now() - entry.startedAt > SETTLED_AFTER_MS
          ? RESTART_AFTER_MS
          : Math.min(entry.delayMs * 2, RESTART_AFTER_AT_MOST_MS);
      const timer = setTimeout(() => {
        this.timers.delete(timer);
        entry.child = this.spawn(entry.plan);
        entry.startedAt = Date.now();
        entry.restarts += 1;
        this.watch(entry);
      }, entry.delayMs);
      this.timers.add(timer);
    });
  }
}

/** SIGTERM, and SIGKILL where that is not heeded in time. */
function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve();
  return new Promise((resolve) => {
    const timer = setTimeout(() => child.kill('SIGKILL'), STOP_WITHIN_MS);
    child.once('exit', () => {
      clearTimeout(timer);
      resolve();
    });
    child.kill('SIGTERM');
  });
}
