import { describe, expect, it } from '@jest/globals';
import { Partitioners } from 'kafkajs';
import { murmur2, partitionOf } from './partitioner.js';

describe('partitionOf', () => {
  // https://github.com/apache/kafka/blob/4.2.0/clients/src/test/java/org/apache/kafka/common/utils/UtilsTest.java (testMurmur2)
  it.each([
    ['21', -973932308],
    ['foobar', -790332482],
    ['a-little-bit-long-string', -985981536],
    ['a-little-bit-longer-string', -1486304829],
    ['lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8', -58897971],
    ['abc', 479470107],
  ])('hashes %s as Kafka does', (text, hash) => {
    expect(murmur2(Buffer.from(text))).toBe(hash);
  });

  it('agrees with the partitioner of kafkajs for any key', () => {
    const theirs = Partitioners.DefaultPartitioner();
    const partitionMetadata = Array.from({ length: 12 }, (_, partitionId) => ({ partitionId, leader: 1 }));
    for (let index = 0; index < 2_000; index += 1) {
      const key = `${index}-${'ключ寿🍣'.slice(0, index % 7)}`;
      const message = { key, value: '' };
      expect(partitionOf(key, 12)).toBe(theirs({ topic: 't', partitionMetadata: partitionMetadata as never, message }));
    }
  });
});
