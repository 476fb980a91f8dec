import { run } from '@herald/platform';
import { RouterModule } from './router.module.js';

await run({ name: 'router', module: RouterModule, defaultPort: 3004 });
