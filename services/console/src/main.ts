import { run } from '@herald/platform';
import { ConsoleModule } from './console.module.js';

await run({ name: 'console', module: ConsoleModule, defaultPort: 3003 });
