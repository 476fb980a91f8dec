/**
 * Herald as separate processes on one machine, for development, end-to-end tests, the bench and the fault rounds: which
 * there are and where they listen. Production has a container per process instead (docker-compose.yml).
 */
export interface ProcessPlan {
  /** Unique, e.g. `channel-worker-webhook`. */
  readonly name: string;
  /** The folder in `services/`. */
  readonly service: string;
  readonly port: number;
  readonly env: Readonly<Record<string, string>>;
}

const chats = ['dingtalk', 'wecom', 'lark', 'slack'] as const;

/** Offsets from the first port, so that `--base-port 3000` gives the ports of docs/configuration.md. */
const offsets = { ingest: 1, inbox: 2, console: 3, router: 4, scheduler: 5, 'channel-worker': 6 } as const;

/** One worker each for custom webhooks, e-mail and the chats: the smallest set that shows channels apart. */
export function planProcesses(basePort: number): readonly ProcessPlan[] {
  const plan = (service: keyof typeof offsets, suffix = '', env: Record<string, string> = {}, shift = 0) => {
    const port = basePort + offsets[service] + shift;
    return { name: service + suffix, service, port, env: { HERALD_PORT: String(port), ...env } };
  };
  return [
    plan('ingest'),
    plan('router'),
    plan('inbox'),
    plan('console'),
    plan('scheduler'),
    plan('channel-worker', '-webhook', { CHANNELS: 'webhook' }),
    plan('channel-worker', '-email', { CHANNELS: 'email' }, 1),
    plan('channel-worker', '-chat', { CHANNELS: chats.join(',') }, 2),
  ];
}
