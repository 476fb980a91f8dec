import { type BusGround, describeBus, embeddedGround } from '@herald/testing';
import { EmbeddedBus } from './embedded-bus.js';

const PARTITIONS = 4;

async function openGround(): Promise<BusGround> {
  const { database, close } = await embeddedGround();
  let last: EmbeddedBus | undefined;
  return {
    partitions: PARTITIONS,
    async open(partitions = PARTITIONS) {
      await last?.close();
      last = new EmbeddedBus(database, partitions);
      return last;
    },
    async expire(topic, partition, below) {
      await database.query('delete from bus.record where topic = $1 and partition = $2 and record_offset < $3', [
        topic,
        partition,
        below,
      ]);
    },
    async close() {
      await last?.close();
      await close();
    },
  };
}

describeBus('EmbeddedBus', openGround);
