/**
 * Partition p of all lanes of a stage goes to one member (semantics 16): one destination's lanes are never spread over
 * workers, so what a worker knows of a destination in flight is whole.
 */
import { AssignerProtocol, type PartitionAssigner } from 'kafkajs';

const NAME = 'HeraldByPartition';
const VERSION = 1;

export const assignByPartition: PartitionAssigner = ({ cluster }) => ({
  name: NAME,
  version: VERSION,
  async assign({ members, topics }) {
    const memberIds = members.map(({ memberId }) => memberId).sort();
    const assignment = new Map<string, Record<string, number[]>>(memberIds.map((id) => [id, {}]));
    for (const topic of topics) {
      for (const { partitionId } of cluster.findTopicPartitionMetadata(topic)) {
        const owner = assignment.get(memberIds[partitionId % memberIds.length]!)!;
        owner[topic] = [...(owner[topic] ?? []), partitionId];
      }
    }
    return [...assignment].map(([memberId, perTopic]) => ({
      memberId,
      memberAssignment: AssignerProtocol.MemberAssignment.encode({
        version: VERSION,
        assignment: perTopic,
        userData: Buffer.alloc(0),
      }),
    }));
  },
  protocol({ topics }) {
    return {
      name: NAME,
      metadata: AssignerProtocol.MemberMetadata.encode({ version: VERSION, topics, userData: Buffer.alloc(0) }),
    };
  },
});
