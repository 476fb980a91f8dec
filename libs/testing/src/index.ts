export * from './database-ground.js';
export * from './hosted-service.js';
export * from './memory-bus.js';
