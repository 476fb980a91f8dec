/** The load generator as a process. */
import { serve } from './children.js';
import { LoadGenerator, type LoadPlan, type LoadResult } from './load-generator.js';

let current: LoadGenerator | null = null;

export const loadCalls = {
  run: (plan: LoadPlan): Promise<LoadResult> => {
    current = new LoadGenerator(plan);
    return current.run();
  },
  progress: (_: undefined) => current?.progress ?? { posted: 0, accepted: 0 },
  stop: (_: undefined) => current?.stop(),
};
export type LoadCalls = typeof loadCalls;

serve(loadCalls);
