/**
 * The demonstration in a data folder: made once, step by step, each of which may be repeated, so that a start that was
 * cut off is gone on with by the next. What people change afterwards stays as they made it. The sandbox forgets: at each
 * start it is told the account's robots, as they stand in the settings.
 */
import { readFileSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { makeRegistry } from '@herald/channels';
import { emailDestinationId, normaliseAddress, type Recipient, type Webhook } from '@herald/contracts';
import { generatedSecret, type PlatformConfig } from '@herald/platform';
import type { SandboxServer } from '@herald/sandbox';
import type {
  AccountStore,
  ProducerStore,
  RecipientStore,
  SubscriptionStore,
  WebhookConfig,
  WebhookStore,
} from '@herald/subscriptions';
import {
  DEMO_ACCOUNT,
  DEMO_PRODUCER,
  type DemoRobot,
  demoOwner,
  demoRecipients,
  demoRobots,
  demoScopes,
} from './demo-content.js';
import { movedTo, type RobotConfig, sandboxRobot } from './sandbox-robot.js';

export const DEMO_KEY_FILE = 'demo-api-key';
const BY = 'demo';
const ALL = 100;

export interface DemoStores {
  readonly accounts: AccountStore;
  readonly recipients: RecipientStore;
  readonly webhooks: WebhookStore;
  readonly subscriptions: SubscriptionStore;
  readonly producers: ProducerStore;
}

type Settings = Pick<
  PlatformConfig,
  'HERALD_DATA_DIR' | 'HERALD_DATABASE_URL' | 'HERALD_DEMO' | 'HERALD_OUTBOUND_ALLOW' | 'HERALD_PROVIDER_ORIGINS'
>;

export class Demo {
  /** The producer's key; null where there is no demonstration. */
  apiKey: string | null = null;

  constructor(
    private readonly stores: DemoStores,
    private readonly settings: Settings,
    /** Null where it doesn't run: then there is nothing that robots could post to. */
    private readonly sandbox: Pick<SandboxServer, 'url' | 'state'> | null,
  ) {}

  async prepare(): Promise<void> {
    const kept = this.keptKey();
    if (!(await this.isWanted(kept))) return;
    const producerId = await this.producerId();
    const isComplete = kept !== null && producerId !== null && (await this.isLive(producerId, kept));
    this.apiKey = isComplete ? kept : await this.make();
    await this.tellSandbox();
  }

  private async isWanted(kept: string | null): Promise<boolean> {
    const { HERALD_DEMO, HERALD_DATABASE_URL } = this.settings;
    if (HERALD_DEMO !== undefined) return HERALD_DEMO;
    if (HERALD_DATABASE_URL !== undefined) return false;
    return kept !== null || (await this.stores.accounts.list(1, null)).every(({ id }) => id === DEMO_ACCOUNT);
  }

  /** The key comes last: where it is kept, everything else is there. */
  private async make(): Promise<string> {
    const { accounts, subscriptions } = this.stores;
    await accounts.create(
      {
        id: DEMO_ACCOUNT,
        name: 'Demo',
        locale: 'en-US',
        timeZone: 'Asia/Shanghai',
        labels: {},
        owner: { ...demoOwner, passwordHash: null },
      },
      BY,
    );
    const recipients = await this.makeRecipients();
    const webhooks = this.sandbox ? await this.makeWebhooks(this.sandbox.url) : [];
    for (const { scope, recipients: addresses } of demoScopes) {
      const { revision } = (await subscriptions.find(DEMO_ACCOUNT, scope))!;
      if (revision > 0) continue;
      const recipientIds = recipients.filter(({ email }) => addresses.includes(email)).map(({ id }) => id);
      const change = {
        channels: { email: 1, webhook: 1 },
        recipientIds,
        webhookIds: webhooks.map(({ id }) => id),
        revision,
      };
      await subscriptions.put(DEMO_ACCOUNT, [{ scope, change: change as never }], BY);
    }
    return this.makeKey();
  }

  private async makeRecipients(): Promise<Recipient[]> {
    const { recipients } = this.stores;
    const known = await recipients.list(DEMO_ACCOUNT, ALL, null);
    for (const body of demoRecipients) {
      const found =
        known.find(({ email }) => email === body.email) ?? (await recipients.create(DEMO_ACCOUNT, body, BY));
      if (found === 'too many' || found.verifiedAt) continue;
      const destination = emailDestinationId(DEMO_ACCOUNT, normaliseAddress(body.email));
      await recipients.markVerified(DEMO_ACCOUNT, found.id, destination, BY);
    }
    return recipients.list(DEMO_ACCOUNT, ALL, null);
  }

  private async makeWebhooks(sandboxUrl: string): Promise<Webhook[]> {
    const { webhooks } = this.stores;
    const known = await webhooks.list(DEMO_ACCOUNT, ALL, null);
    for (const robot of demoRobots) {
      if (known.some(({ name }) => name === robot.name)) continue;
      const { name, platform } = robot;
      await webhooks.create(DEMO_ACCOUNT, { name, platform, config: this.configOf(robot, sandboxUrl) }, BY);
    }
    return webhooks.list(DEMO_ACCOUNT, ALL, null);
  }

  private configOf({ platform, make }: DemoRobot, sandboxUrl: string): WebhookConfig {
    const registry = makeRegistry({
      allow: this.settings.HERALD_OUTBOUND_ALLOW,
      origins: this.settings.HERALD_PROVIDER_ORIGINS,
      mailFrom: { name: '', address: '' },
    });
    return registry[platform].config.parse(make(sandboxUrl));
  }

  /** Keys that a cut-off start left behind are nobody's: revoked. */
  private async makeKey(): Promise<string> {
    const { producers } = this.stores;
    const id = (await this.producerId()) ?? (await producers.create(DEMO_PRODUCER, ['*'], null)).id;
    const { keys } = (await producers.find(id))!;
    for (const key of keys) if (key.revokedAt === null) await producers.revokeKey(id, key.id);
    const { key } = (await producers.createKey(id, null))!;
    const { HERALD_DATA_DIR: dataDir } = this.settings;
    rmSync(join(dataDir, DEMO_KEY_FILE), { force: true });
    return generatedSecret(dataDir, DEMO_KEY_FILE, () => key).value;
  }

  private async producerId(): Promise<string | null> {
    const found = await this.stores.producers.list(ALL, null);
    return found.find(({ name }) => name === DEMO_PRODUCER)?.id ?? null;
  }

  private async isLive(producerId: string, key: string): Promise<boolean> {
    const producer = await this.stores.producers.find(producerId);
    return producer!.keys.some(({ hint, revokedAt }) => revokedAt === null && key.endsWith(hint.slice(-4)));
  }

  private keptKey(): string | null {
    try {
      return readFileSync(join(this.settings.HERALD_DATA_DIR, DEMO_KEY_FILE), 'utf8').trim() || null;
    } catch {
      return null;
    }
  }

  private async tellSandbox(): Promise<void> {
    if (!this.sandbox) return;
    const { webhooks } = this.stores;
    for (const { id, name, platform } of await webhooks.list(DEMO_ACCOUNT, ALL, null)) {
      const { config } = (await webhooks.findWithConfig(DEMO_ACCOUNT, id))!;
      const moved = platform === 'webhook' ? movedTo(this.sandbox.url, (config as RobotConfig).url) : null;
      if (moved) await webhooks.update(DEMO_ACCOUNT, id, () => ({ config: { ...config, url: moved } }), BY);
      const robot = sandboxRobot(platform, name, config);
      if (robot) this.sandbox.state.robots.register(robot);
    }
  }
}
