import { describeWithServers } from '@herald/testing';
import { distributedGround } from './ground.js';
import { stories } from './stories.js';

describeWithServers('on separate processes', (servers) => stories('distributed', () => distributedGround(servers)));
