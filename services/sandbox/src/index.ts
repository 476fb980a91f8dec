export type { Fault } from './faults.js';
export type { MailBody } from './mail-server.js';
export type { ReceivedFilter, ReceivedItem } from './received.js';
export { makeRobot, type Robot } from './robots.js';
export { sandboxConfig } from './sandbox.config.js';
export { SandboxModule } from './sandbox.module.js';
export { type SandboxOptions, SandboxServer } from './sandbox-server.js';
export type { SandboxState } from './sandbox-state.js';
