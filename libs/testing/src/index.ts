export * from './database-ground.js';
export * from './hosted-service.js';
export * from './memory-bus.js';
export { type Servers, serversFromEnvironment } from './servers.js';
export { describeWithServers } from './with-servers.js';
