/** Which faults come in which order: in rounds, so that every kind meets every state that another left. */

export type ServerName = 'kafka' | 'postgres' | 'redis';

export type Fault =
  | { readonly kind: 'kill' | 'terminate'; readonly process: string }
  | { readonly kind: 'server'; readonly server: ServerName }
  | { readonly kind: 'flush' };

export interface FaultCounts {
  /** Of each process. */
  readonly kills: number;
  readonly terminations: number;
  /** Of each server. */
  readonly serverKills: number;
  readonly flushes: number;
}

const servers: readonly ServerName[] = ['kafka', 'postgres', 'redis'];

export function planFaults(processes: readonly string[], counts: FaultCounts): readonly Fault[] {
  const rounds = Math.max(counts.kills, counts.terminations, counts.serverKills, counts.flushes);
  const plan: Fault[] = [];
  for (let round = 0; round < rounds; round += 1) {
    if (isDue(round, rounds, counts.kills)) for (const process of processes) plan.push({ kind: 'kill', process });
    if (isDue(round, rounds, counts.flushes)) plan.push({ kind: 'flush' });
    if (isDue(round, rounds, counts.serverKills)) for (const server of servers) plan.push({ kind: 'server', server });
    if (isDue(round, rounds, counts.terminations))
      for (const process of processes) plan.push({ kind: 'terminate', process });
  }
  return plan;
}

export function describeFault(fault: Fault): string {
  switch (fault.kind) {
    case 'kill':
      return `kill -9 ${fault.process}`;
    case 'terminate':
      return `SIGTERM ${fault.process}`;
    case 'server':
      return `kill -9 ${fault.server}`;
    case 'flush':
      return 'redis FLUSHALL';
  }
}

/** Spreads `count` over the rounds evenly. */
function isDue(round: number, rounds: number, count: number): boolean {
  return Math.floor(((round + 1) * count) / rounds) > Math.floor((round * count) / rounds);
}
