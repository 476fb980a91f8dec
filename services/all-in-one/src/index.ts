export * from './gateway.js';
export * from './processes.js';
export * from './supervisor.js';
