/** Every service in one process, from the modules that also run alone. */
import { ChannelWorkerModule } from '@herald/channel-worker';
import { ConsoleModule } from '@herald/console';
import { InboxModule } from '@herald/inbox';
import { IngestModule } from '@herald/ingest';
import { RouterModule } from '@herald/router';
import { SandboxModule } from '@herald/sandbox';
import { SchedulerModule } from '@herald/scheduler';
import { Module } from '@nestjs/common';
import { DemoModule } from './demo/demo.module.js';

@Module({
  imports: [
    SandboxModule,
    DemoModule,
    IngestModule,
    RouterModule,
    ChannelWorkerModule,
    InboxModule,
    ConsoleModule,
    SchedulerModule,
  ],
})
export class AllInOneModule {}
