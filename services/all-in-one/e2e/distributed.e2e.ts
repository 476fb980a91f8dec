import { distributedGround } from './ground.js';
import { serversForTests } from './servers.js';
import { stories } from './stories.js';

stories('distributed', async () => distributedGround(await serversForTests()));
