/** What every process reads. */
import { BlockList, isIP } from 'node:net';
import { z } from 'zod';
import { configSection, duration, durations, flag, list, port, wholeNumber } from './config.js';

const url = (protocols: readonly string[], example: string) =>
  z
    .string()
    .refine(
      (text) => URL.canParse(text) && protocols.includes(new URL(text).protocol),
      `expected a URL such as ${example}`,
    );

const platforms = ['dingtalk', 'wecom', 'lark', 'slack', 'webhook'];

export const platformConfig = configSection('Platform', {
  HERALD_PORT: port().describe(
    'Where this process listens. all-in-one 3000, ingest 3001, inbox 3002, console 3003, router 3004, scheduler 3005, channel-worker 3006.',
  ),
  HERALD_HOST: z.string().default('127.0.0.1').describe('The address this process listens on.'),
  HERALD_PUBLIC_URL: url(['http:', 'https:'], 'https://herald.example.com')
    .default('http://localhost:3000')
    .transform((text) => text.replace(/\/+$/, ''))
    .describe('Where people reach Herald: for links in mails and chats.'),
  HERALD_TRUSTED_PROXIES: list()
    .superRefine((ranges, context) => {
      for (const range of ranges) {
        if (!isCidr(range))
          context.addIssue({ code: 'custom', message: 'expected CIDRs such as 10.0.0.0/8,127.0.0.1/32' });
      }
    })
    .describe(
      'CIDRs of gateways before Herald, whose X-Forwarded-For names who calls; failed sign-ins are counted by it.',
    ),
  HERALD_DATA_DIR: z.string().default('./.herald').describe('The embedded database and generated keys.'),
  HERALD_DATABASE_URL: url(['postgres:', 'postgresql:'], 'postgres://herald:secret@db:5432/herald')
    .optional()
    .describe('A PostgreSQL URL; without it an embedded database in the data folder.'),
  HERALD_DATABASE_POOL: wholeNumber(6, 1, 200).describe('Connections to PostgreSQL per process.'),
  HERALD_KAFKA_BROKERS: list().describe('host:port,…; without it the bus is a log in the embedded database.'),
  HERALD_KAFKA_PREFIX: z
    .string()
    .regex(/^[A-Za-z0-9._-]{0,100}$/, 'expected letters, digits, ".", "_" and "-"')
    .default('')
    .describe('Put before every topic and group, where several deployments share a cluster.'),
  HERALD_KAFKA_PARTITIONS: wholeNumber(12, 1, 1_000).describe('Partitions of the topics that Herald creates.'),
  HERALD_KAFKA_REPLICATION: wholeNumber(1, 1, 9).describe('Replication of the topics that Herald creates.'),
  HERALD_KAFKA_SASL_MECHANISM: z
    .enum(['plain', 'scram-sha-256', 'scram-sha-512'], { error: 'expected plain, scram-sha-256 or scram-sha-512' })
    .optional()
    .describe('How to sign in to Kafka.'),
  HERALD_KAFKA_SASL_USERNAME: z.string().optional().describe('The user to sign in to Kafka as.'),
  HERALD_KAFKA_SASL_PASSWORD: z.string().optional().describe('That user’s password.'),
  HERALD_KAFKA_TLS_ENABLED: flag().describe('Speak TLS with Kafka.'),
  HERALD_KAFKA_TLS_CA: z.string().optional().describe('PEM of the authority that signed Kafka’s certificates.'),
  HERALD_REDIS_URL: url(['redis:', 'rediss:'], 'redis://redis:6379')
    .optional()
    .describe('A Redis URL; without it caches and limits are kept in process.'),
  HERALD_SECRET_KEYS: z
    .string()
    .refine(
      isKeyRing,
      'expected id:base64,… with keys of 32 bytes, such as the output of: echo "k1:$(openssl rand -base64 32)"',
    )
    .optional()
    .describe(
      'id:base64,… of 32 bytes each; the first encrypts, all decrypt. Generated into the data folder when embedded, required otherwise.',
    ),
  HERALD_BOOTSTRAP_OPERATOR_TOKEN: z
    .string()
    .min(16, 'expected at least 16 characters')
    .optional()
    .describe('A bearer token with the role operator. Printed once at the first embedded start.'),
  HERALD_SMTP_URL: url(['smtp:', 'smtps:'], 'smtps://user:password@mail.example.com')
    .optional()
    .describe(
      'The mail server. Without it e-mail is not available, and such deliveries are suppressed with CHANNEL_UNAVAILABLE.',
    ),
  HERALD_MAIL_FROM: z
    .string()
    .regex(
      /^([^<>\r\n]*<[^<>\s@]+@[^<>\s@]+>|[^<>\s@]+@[^<>\s@]+)$/,
      'expected an address such as Herald <herald@example.com>',
    )
    .default('Herald <herald@localhost.localdomain>')
    .describe('The sender of mails.'),
  HERALD_OUTBOUND_ALLOW: list()
    .superRefine((ranges, context) => {
      for (const range of ranges) {
        if (!isCidr(range))
          context.addIssue({ code: 'custom', message: `expected CIDRs such as 10.0.0.0/8,127.0.0.1/32` });
      }
    })
    .describe(
      'CIDRs that custom webhooks, SMTP and provider calls may reach although they are private; http is allowed only there.',
    ),
  HERALD_PROVIDER_ORIGINS: list()
    .transform((pairs, context) => {
      const origins: Record<string, string> = {};
      for (const pair of pairs) {
        const at = pair.indexOf('=');
        const [platform, origin] = [pair.slice(0, at), pair.slice(at + 1)];
        if (!platforms.includes(platform) || !URL.canParse(origin)) {
          context.addIssue({
            code: 'custom',
            message: 'expected platform=origin,… such as slack=https://gateway.example.com',
          });
        } else origins[platform] = new URL(origin).origin;
      }
      return origins;
    })
    .describe(
      'dingtalk=http://127.0.0.1:9001,…: replaces scheme, host and port of that platform’s calls; such an origin counts as allowed.',
    ),
  HERALD_SANDBOX: flag().describe('Also run imitations of the five platforms and a mail server. True when embedded.'),
  HERALD_SANDBOX_PORT: port(3010).describe('Where the sandbox listens; its mail server takes the next port.'),
  HERALD_DEMO: flag().describe(
    'Make a demo account with recipients, robots and a producer. True when embedded and empty.',
  ),
  HERALD_CACHED_ACCOUNTS: wholeNumber(100_000, 1_000, 10_000_000).describe(
    'Accounts whose settings a process keeps in memory.',
  ),
  HERALD_RETRY_DELAYS_WEBHOOK: durations().describe('5s,30s,…: waits between attempts at custom webhooks.'),
  HERALD_RETRY_DELAYS_CHAT: durations().describe('10s,1m,…: waits between attempts at chat robots.'),
  HERALD_RETRY_DELAYS_EMAIL: durations().describe('10s,1m,…: waits between attempts at mail servers.'),
  HERALD_ATTEMPT_TIMEOUT: duration('10s').describe('How long a provider may take to answer.'),
  LOG_LEVEL: z
    .enum(['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'], {
      error: 'expected trace, debug, info, warn, error, fatal or silent',
    })
    .default('info')
    .describe('The least level that is logged.'),
  LOG_FORMAT: z
    .enum(['pretty', 'json'], { error: 'expected pretty or json' })
    .optional()
    .describe('pretty on a terminal, else json.'),
});

export type PlatformConfig = typeof platformConfig.values;

function isKeyRing(text: string): boolean {
  return text.split(',').every((entry) => {
    const [id, key] = entry.split(':');
    return !!id && !!key && Buffer.from(key, 'base64').length === 32;
  });
}

function isCidr(range: string): boolean {
  const [address = '', prefix = ''] = range.split('/');
  const family = isIP(address);
  if (family === 0 || !/^\d{1,3}$/.test(prefix)) return false;
  try {
    new BlockList().addSubnet(address, Number(prefix), family === 4 ? 'ipv4' : 'ipv6');
    return true;
  } catch {
    return false;
  }
}
