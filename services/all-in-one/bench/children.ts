/** Calls between the run and its child processes (load, sink), over the channel that fork gives. */
import { fork } from 'node:child_process';
import { fileURLToPath } from 'node:url';

/** `never`: takes functions of any argument. */
type Calls = Record<string, (argument: never) => unknown>;
type Argument<Call> = Call extends (argument: infer A) => unknown ? A : never;
type Answer<Call> = Call extends (...all: never[]) => infer A ? Awaited<A> : never;

export interface Child<Served extends Calls> {
  readonly pid: number;
  call<Name extends keyof Served & string>(
    name: Name,
    argument?: Argument<Served[Name]>,
  ): Promise<Answer<Served[Name]>>;
  end(): void;
}

/** In the child: answers the parent's calls, and ends with it. */
export function serve(calls: Calls): void {
  process.on('message', async ({ id, name, argument }: { id: number; name: string; argument: unknown }) => {
    try {
      const call = calls[name];
      if (!call) throw new Error(`nobody serves ${name}`);
      process.send?.({ id, value: await call(argument as never) });
    } catch (error) {
      process.send?.({ id, error: error instanceof Error ? (error.stack ?? error.message) : String(error) });
    }
  });
  process.on('disconnect', () => process.exit(0));
}

/** In the parent: starts a module of this folder as a process. */
export function startChild<Served extends Calls>(module: string): Child<Served> {
  const child = fork(fileURLToPath(new URL(module, import.meta.url)), { serialization: 'advanced', execArgv: [] });
  const waiting = new Map<number, { resolve(value: unknown): void; reject(error: Error): void }>();
  let next = 1;
  let hasEnded = false;
  child.on('message', ({ id, value, error }: { id: number; value: unknown; error?: string }) => {
    const caller = waiting.get(id);
    waiting.delete(id);
    if (error === undefined) caller?.resolve(value);
    else caller?.reject(new Error(`${module}: ${error}`));
  });
  child.once('exit', (code, signal) => {
    hasEnded = true;
    for (const { reject } of waiting.values()) reject(new Error(`${module} ended (${code ?? signal})`));
    waiting.clear();
  });
  return {
    pid: child.pid!,
    call: (name, argument) =>
      new Promise((resolve, reject) => {
        if (hasEnded) return reject(new Error(`${module} has ended`));
        const id = next++;
        waiting.set(id, { resolve: resolve as (value: unknown) => void, reject });
        child.send({ id, name, argument });
      }),
    end: () => {
      if (child.connected) child.disconnect();
    },
  };
}
