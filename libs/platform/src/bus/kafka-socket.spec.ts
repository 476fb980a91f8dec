import { createServer } from 'node:net';
import { expect, it } from '@jest/globals';
import { honestSockets } from './kafka-socket.js';

it('answers what is written after the end with an error, so that kafkajs rejects what waits for it', async () => {
  const server = createServer((socket) => socket.resume().end());
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as { port: number };
  const socket = honestSockets()({ host: '127.0.0.1', port, ssl: undefined as never, onConnect: () => {} });
  socket.resume();
  await new Promise((resolve) => socket.once('close', resolve));
  const told = new Promise<Error>((resolve) => socket.once('error', resolve));
  socket.write('a request');
  expect((await told).message).toBe('written after the end');
  await new Promise((resolve) => server.close(resolve));
});
