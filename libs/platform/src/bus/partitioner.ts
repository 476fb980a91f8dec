/**
 * The partition of a key: murmur2 as Kafka's default partitioner, the same on both grounds and for ever.
 * https://github.com/apache/kafka/blob/4.2.0/clients/src/main/java/org/apache/kafka/common/utils/Utils.java (murmur2, toPositive)
 */
const SEED = 0x9747b28c;
const M = 0x5bd1e995;

export function partitionOf(key: string, partitions: number): number {
  return (murmur2(Buffer.from(key)) & 0x7fffffff) % partitions;
}

export function murmur2(data: Uint8Array): number {
  let hash = SEED ^ data.length;
  const blocks = data.length >> 2;
  for (let index = 0; index < blocks; index += 1) {
    const at = index * 4;
    let k = data[at]! | (data[at + 1]! << 8) | (data[at + 2]! << 16) | (data[at + 3]! << 24);
    k = Math.imul(k, M);
    k ^= k >>> 24;
    hash = Math.imul(hash, M) ^ Math.imul(k, M);
  }
  const rest = data.length & ~3;
  const left = data.length & 3;
  if (left === 3) hash ^= data[rest + 2]! << 16;
  if (left >= 2) hash ^= data[rest + 1]! << 8;
  if (left >= 1) hash = Math.imul(hash ^ data[rest]!, M);
  hash ^= hash >>> 13;
  hash = Math.imul(hash, M);
  return hash ^ (hash >>> 15);
}
