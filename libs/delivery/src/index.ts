export * from './delivery.js';
export * from './delivery.store.js';
export * from './ledger.store.js';
export * from './own-mail.store.js';
export * from './retry-delays.js';
