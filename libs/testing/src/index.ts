export * from './database-ground.js';
export * from './describe-bus.js';
export * from './hosted-service.js';
export * from './memory-bus.js';
export { type Servers, serversFromEnvironment } from './servers.js';
export * from './tcp-proxy.js';
export * from './until.js';
export { describeWithServers } from './with-servers.js';
