/**
 * Sockets for kafkajs that never swallow a request. It takes a connection that is just closing for a connected one, and
 * stops looking at its requests' time limits when it has closed: what is written in between would wait for ever, and with
 * it the heartbeat, or the restart of a consumer (kafkajs 2.2.4, network/connection.js, requestQueue).
 */
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { ISocketFactory } from 'kafkajs';

const KEEP_ALIVE_AFTER_MS = 30_000;

const plainOrTls: ISocketFactory = ({ host, port, ssl, onConnect }) =>
  ssl
    ? connectTls({ host, port, ...(isIP(host) ? {} : { servername: host }), ...ssl }, onConnect)
    : connect({ host, port }, onConnect);

export function honestSockets(make: ISocketFactory = plainOrTls): ISocketFactory {
  return (options) => {
    const socket = make(options);
    socket.setKeepAlive(true, KEEP_ALIVE_AFTER_MS);
    return tellingOfLateWrites(socket);
  };
}

/**
 * What is written after the end is answered by an error a turn later: kafkajs then rejects what waits. Node itself puts
 * another `write` on a socket whose peer has ended, and that one is silent once the socket is destroyed.
 */
function tellingOfLateWrites(socket: Socket): Socket {
  let write: Socket['write'] = socket.write.bind(socket);
  const late = () => {
    setImmediate(() => socket.emit('error', Object.assign(new Error('written after the end'), { code: 'EPIPE' })));
    return false;
  };
  const guarded = (...given: Parameters<Socket['write']>) => (socket.destroyed ? late() : write(...given));
  return Object.defineProperty(socket, 'write', {
    get: () => guarded,
    set: (replacement: Socket['write']) => {
      write = replacement.bind(socket);
    },
  });
}
