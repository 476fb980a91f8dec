export * from './api/operation.js';
export * from './channels.js';
export * from './content.js';
export * from './ids.js';
export * from './lanes.js';
export * from './reasons.js';
export * from './records.js';
export * from './topics.js';
