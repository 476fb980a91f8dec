import { Socket } from 'node:net';
import { expect, it } from '@jest/globals';
import { describeWithServers } from './with-servers.js';

const answers = (host: string, port: number) =>
  new Promise<boolean>((resolve) => {
    const socket = new Socket();
    socket.once('error', () => resolve(false));
    socket.connect(port, host, () => {
      socket.destroy();
      resolve(true);
    });
  });

describeWithServers('the servers of a test run', ({ kafka, databaseUrl, redis }) => {
  it.each([
    ['Kafka', `kafka://${kafka}`],
    ['PostgreSQL', databaseUrl],
    ['Redis', redis],
  ])('%s answers', async (_, url) => {
    const { hostname, port } = new URL(url);
    expect(await answers(hostname, Number(port))).toBe(true);
  });
});
