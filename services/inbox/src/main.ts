import { run } from '@herald/platform';
import { InboxModule } from './inbox.module.js';

await run({ name: 'inbox', module: InboxModule, defaultPort: 3002 });
