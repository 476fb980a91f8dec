/** One kafkajs client per process, with the settings that its known traps ask for (docs/decisions/0003-kafkajs.md). */
import { type ISocketFactory, Kafka, logLevel, type SASLOptions } from 'kafkajs';
import type { PlatformConfig } from '../config/platform.config.js';
import type { Logger } from '../log/logger.js';
import { honestSockets } from './kafka-socket.js';

export function makeKafka(
  service: string,
  config: PlatformConfig,
  logger: Logger,
  socketFactory?: ISocketFactory,
): Kafka {
  const mechanism = config.HERALD_KAFKA_SASL_MECHANISM;
  const { HERALD_KAFKA_SASL_USERNAME: username = '', HERALD_KAFKA_SASL_PASSWORD: password = '' } = config;
  const ca = config.HERALD_KAFKA_TLS_CA;
  return new Kafka({
    clientId: `herald-${service}`,
    brokers: config.HERALD_KAFKA_BROKERS,
    connectionTimeout: 3_000,
    requestTimeout: 5_000,
    enforceRequestTimeout: true,
    retry: { retries: 3, initialRetryTime: 50, maxRetryTime: 1_000 },
    ...(ca ? { ssl: { ca: [ca] } } : config.HERALD_KAFKA_TLS_ENABLED ? { ssl: true } : {}),
    ...(mechanism ? { sasl: { mechanism, username, password } as SASLOptions } : {}),
    socketFactory: honestSockets(socketFactory),
    logLevel: logLevel.WARN,
    // Retried inside kafkajs, and told by our own events where it matters: worth a debug line, not an alarm.
    logCreator: () => (entry) =>
      logger.debug({ kafka: entry.namespace, reason: entry.log['error'] }, entry.log.message),
  });
}
