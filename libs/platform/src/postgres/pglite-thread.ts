/** PGlite in a thread of its own: a statement, however long, holds up nobody's HTTP call. One cycle of the protocol a message. */
import { parentPort, workerData } from 'node:worker_threads';
import { PGlite } from '@electric-sql/pglite';
import type { FromThread, ToThread } from './pglite-host.js';

const port = parentPort!;
const send = (message: FromThread, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer);

try {
  const lite = await PGlite.create({ dataDir: workerData.dataDir as string });
  port.on('message', async (message: ToThread) => {
    if (message.kind === 'close') {
      await lite.close();
      send({ kind: 'closed' });
      port.close();
      return;
    }
    try {
      const answer = await lite.execProtocolRaw(message.cycles);
      // A view of PGlite's own memory must not leave it.
      const copy = new Uint8Array(answer);
      send({ kind: 'answer', answer: copy }, [copy.buffer]);
    } catch (error) {
      send({ kind: 'failed', message: (error as Error).message });
    }
  });
  send({ kind: 'open' });
} catch (error) {
  send({ kind: 'failed', message: (error as Error).message });
}
