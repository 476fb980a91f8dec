/** The sandbox beside other services in one process: there before their consumers start, gone after they have drained. */
import { Config, LOGGER, type Logger, listenFault, platformConfig } from '@herald/platform';
import { Inject, Module, type OnApplicationShutdown, type OnModuleInit } from '@nestjs/common';
import { sandboxConfig } from './sandbox.config.js';
import { sandboxOptions } from './sandbox-options.js';
import { SandboxServer } from './sandbox-server.js';

@Module({
  providers: [{ provide: SandboxServer, useFactory: () => new SandboxServer() }],
  exports: [SandboxServer],
})
export class SandboxModule implements OnModuleInit, OnApplicationShutdown {
  constructor(
    private readonly sandbox: SandboxServer,
    private readonly config: Config,
    @Inject(LOGGER) private readonly logger: Logger,
  ) {}

  async onModuleInit(): Promise<void> {
    const settings = this.config.get(platformConfig);
    if (!(settings.HERALD_SANDBOX ?? settings.HERALD_DATABASE_URL === undefined)) return;
    await this.sandbox.start(sandboxOptions(settings, this.config.get(sandboxConfig))).catch((error: unknown) => {
      throw listenFault(error, 'HERALD_SANDBOX_PORT');
    });
    this.logger.info({ address: this.sandbox.url, mail: this.sandbox.mailUrl }, 'the sandbox listens');
  }

  async onApplicationShutdown(): Promise<void> {
    await this.sandbox.stop();
  }
}
