/**
 * Takes a member out of its group that can't do so itself. After a crash kafkajs joins anew under another id, and the
 * group would wait for the old one until its session ends (30 s); on a connection of its own, because the join holds
 * the consumer's.
 */
import type { Broker, Cluster, Kafka, PartitionAssigner } from 'kafkajs';
import { assignByPartition } from './kafka-assigner.js';

type Coordinator = Broker & { leaveGroup(member: { groupId: string; memberId: string }): Promise<unknown> };

export async function leaveGroup(kafka: Kafka, groupId: string, memberId: string): Promise<void> {
  let cluster: Cluster | undefined;
  // An assigner is the one thing that is shown its consumer's connections.
  const capture: PartitionAssigner = (given) => {
    cluster = given.cluster;
    return assignByPartition(given);
  };
  const consumer = kafka.consumer({ groupId, partitionAssigners: [capture] });
  try {
    await consumer.connect();
    await cluster!.refreshMetadata();
    const coordinator = (await cluster!.findGroupCoordinator({ groupId })) as Coordinator;
    await coordinator.leaveGroup({ groupId, memberId });
  } finally {
    void consumer.disconnect().catch(() => {});
  }
}
