import { run } from '@herald/platform';
import { IngestModule } from './ingest.module.js';

await run({ name: 'ingest', module: IngestModule, defaultPort: 3001 });
