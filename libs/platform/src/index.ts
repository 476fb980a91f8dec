export * from './bus/bus.js';
export * from './postgres/database.js';
export * from './redis/ports.js';
