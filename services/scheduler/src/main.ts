import { run } from '@herald/platform';
import { SchedulerModule } from './scheduler.module.js';

await run({ name: 'scheduler', module: SchedulerModule, defaultPort: 3005 });
