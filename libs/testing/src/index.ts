export * from './database-ground.js';
