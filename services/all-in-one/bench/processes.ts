/** What processes cost, read from /proc: CPU time and memory, of ours and of the servers they use. Linux only. */
import { readdirSync, readFileSync, readlinkSync } from 'node:fs';

const MS_PER_TICK = 10;

/** A process that is watched, and whether its children belong to it (PostgreSQL's backends). */
export interface Watched {
  readonly name: string;
  pid(): number | undefined;
  readonly withChildren?: boolean;
}

/** CPU milliseconds since the process began, those of children that have ended included where children count. */
export function cpuMs({ pid, withChildren }: Watched): number {
  const own = pid();
  if (own === undefined) return 0;
  const all = withChildren ? [own, ...childrenOf(own)] : [own];
  return all.reduce((sum, each) => {
    const stat = statOf(each);
    if (!stat) return sum;
    const ended = withChildren && each === own ? stat.endedChildrenTicks : 0;
    return sum + (stat.ticks + ended) * MS_PER_TICK;
  }, 0);
}

/** CPU milliseconds that the whole machine has been busy, all cores together. */
export function machineBusyMs(): number {
  const [user = 0, nice = 0, system = 0, , , irq = 0, softIrq = 0] = (read('/proc/stat').split('\n')[0] ?? '')
    .trim()
    .split(/\s+/)
    .slice(1)
    .map(Number);
  return (user + nice + system + irq + softIrq) * MS_PER_TICK;
}

/** Megabytes in memory now; what a server's processes share counts once. */
export function memoryMb({ pid, withChildren }: Watched): number {
  const own = pid();
  if (own === undefined) return 0;
  let anonymousKb = 0;
  let sharedKb = 0;
  for (const each of withChildren ? [own, ...childrenOf(own)] : [own]) {
    const status = read(`/proc/${each}/status`);
    anonymousKb += kb(status, 'RssAnon');
    sharedKb = Math.max(sharedKb, kb(status, 'RssFile') + kb(status, 'RssShmem'));
  }
  return (anonymousKb + sharedKb) / 1_024;
}

/** The process that listens on a port of this machine; the eldest where several share the socket. */
export function pidListeningOn(port: number): number | undefined {
  const sockets = new Set<string>();
  for (const table of ['/proc/net/tcp', '/proc/net/tcp6']) {
    for (const line of read(table).split('\n').slice(1)) {
      const fields = line.trim().split(/\s+/);
      if (fields[3] === '0A' && Number.parseInt(fields[1]?.split(':')[1] ?? '', 16) === port) {
        sockets.add(`socket:[${fields[9]}]`);
      }
    }
  }
  return pids().find((pid) => openFiles(pid).some((file) => sockets.has(file)));
}

function childrenOf(pid: number): number[] {
  return read(`/proc/${pid}/task/${pid}/children`)
    .split(' ')
    .filter((text) => text !== '')
    .map(Number);
}

function statOf(pid: number): { ticks: number; endedChildrenTicks: number } | null {
  const stat = read(`/proc/${pid}/stat`);
  if (stat === '') return null;
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
  return {
    ticks: Number(fields[11]) + Number(fields[12]),
    endedChildrenTicks: Number(fields[13]) + Number(fields[14]),
  };
}

function openFiles(pid: number): string[] {
  try {
    return readdirSync(`/proc/${pid}/fd`).flatMap((fd) => {
      try {
        return [readlinkSync(`/proc/${pid}/fd/${fd}`)];
      } catch {
        return [];
      }
    });
  } catch {
    return [];
  }
}

const pids = (): number[] =>
  readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map(Number)
    .sort((a, b) => a - b);

const kb = (status: string, name: string): number =>
  Number(new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0);

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return '';
  }
}
