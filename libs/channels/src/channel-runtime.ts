/** Channels with what they need to call out, opened once per process by whoever sends: the worker, and the console's test call. */
import type { DeliveryChannel } from '@herald/contracts';
import { AddressGuard } from './address-guard.js';
import type { ChannelIo } from './channel.js';
import { parseSender } from './email/email.channel.js';
import { makeHttpClients } from './http-io.js';
import { makeMailClient } from './mail-io.js';
import { makeRegistry, type Registry } from './registry.js';

export interface ChannelSettings {
  readonly HERALD_OUTBOUND_ALLOW: readonly string[];
  readonly HERALD_PROVIDER_ORIGINS: Readonly<Record<string, string>>;
  readonly HERALD_ATTEMPT_TIMEOUT: number;
  readonly HERALD_SMTP_URL?: string | undefined;
  readonly HERALD_MAIL_FROM: string;
}

export interface ChannelRuntime {
  readonly registry: Registry;
  /** False for e-mail without a mail server: such deliveries are suppressed with CHANNEL_UNAVAILABLE. */
  isAvailable(channel: DeliveryChannel): boolean;
  /** What one attempt may use. */
  io(channel: DeliveryChannel, signal: AbortSignal): ChannelIo;
  close(): Promise<void>;
}

/** `now` is the wall clock that signatures carry. */
export function openChannels(settings: ChannelSettings, now: () => Date): ChannelRuntime {
  const allow = settings.HERALD_OUTBOUND_ALLOW;
  const origins = settings.HERALD_PROVIDER_ORIGINS;
  const attemptTimeoutMs = settings.HERALD_ATTEMPT_TIMEOUT;
  const clients = makeHttpClients({ allow, origins, attemptTimeoutMs });
  const url = settings.HERALD_SMTP_URL;
  const mail = url ? makeMailClient({ url, guard: new AddressGuard(allow), attemptTimeoutMs }) : null;
  const http = new Map<DeliveryChannel, ChannelIo['http']>();
  return {
    registry: makeRegistry({ allow, origins, mailFrom: parseSender(settings.HERALD_MAIL_FROM) }),
    isAvailable: (channel) => channel !== 'email' || mail !== null,
    io(channel, signal) {
      const client = http.get(channel) ?? clients.for(channel);
      http.set(channel, client);
      return { http: client, mail, now, signal };
    },
    async close() {
      mail?.close();
      await clients.close();
    },
  };
}
