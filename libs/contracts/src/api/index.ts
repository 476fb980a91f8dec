import { eventOperations } from './events.js';
import { messageOperations } from './messages.js';
import type { Operation } from './operation.js';
import { operatorOperations } from './operators.js';
import { settingsOperations } from './settings.js';

/** The whole HTTP API: the OpenAPI document and the route test are made from it. */
export const operations: readonly Operation[] = [
  ...eventOperations,
  ...messageOperations,
  ...settingsOperations,
  ...operatorOperations,
];
