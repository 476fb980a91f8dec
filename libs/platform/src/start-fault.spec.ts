import { mkdtempSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { ConfigError } from './config/config.js';
import { generatedSecret } from './platform.module.js';
import { openEmbeddedDatabase } from './postgres/embedded-database.js';
import { inWords, listenFault } from './start-fault.js';

const folder = () => mkdtempSync(join(tmpdir(), 'herald-start-'));
const aFile = () => {
  const path = join(folder(), 'file');
  writeFileSync(path, '');
  return path;
};
const errno = (code: string, more: object = {}) => Object.assign(new Error(code), { code, ...more });

describe('faults of starting', () => {
  it.each([
    ['EADDRINUSE', { port: 3000, address: '127.0.0.1' }, /^Port 3000 of 127\.0\.0\.1 is in use\..* HERALD_PORT /],
    ['EACCES', { port: 80, address: '0.0.0.0' }, /^Port 80 .* HERALD_PORT /],
    ['EADDRNOTAVAIL', { port: 3000, address: '203.0.113.1' }, /^203\.0\.113\.1 is not an address of this machine\./],
  ])('tell %s at a port in words', (code, more, words) => {
    expect(inWords(listenFault(errno(code, more), 'HERALD_PORT'))).toMatch(words);
  });

  it('are words for wrong settings, and not for what nobody foresaw', () => {
    expect(inWords(new ConfigError(['HERALD_PORT: expected a port number']))).toMatch(/HERALD_PORT/);
    expect(inWords(listenFault(errno('EMFILE'), 'HERALD_PORT'))).toBeNull();
    expect(inWords(new TypeError('x is not a function'))).toBeNull();
  });

  it('tell a port that is really taken', async () => {
    const first = createServer();
    await new Promise<void>((done) => first.listen(0, '127.0.0.1', done));
    const { port } = first.address() as { port: number };
    const error = await new Promise((done) => createServer().once('error', done).listen(port, '127.0.0.1'));
    first.close();
    expect(inWords(listenFault(error, 'HERALD_PORT'))).toContain(`Port ${port} of 127.0.0.1 is in use`);
  });

  it.each([
    ['a file stands in its way', join(aFile(), 'below')],
    ['it is a file', aFile()],
    ...(process.platform === 'linux' ? [['the system keeps it', '/proc/herald']] : []),
  ])('tell of a data folder that can’t be written: %s', async (_name, dataDir) => {
    const words = new RegExp(`^The data folder ${dataDir} can’t be written`);
    await expect(openEmbeddedDatabase(dataDir, 'test')).rejects.toThrow(words);
    expect(() => generatedSecret(dataDir, 'name', () => 'value')).toThrow(words);
  });

  it('tell of a data folder that another process uses', async () => {
    const dataDir = folder();
    writeFileSync(join(dataDir, 'herald.pid'), String(process.ppid));
    await expect(openEmbeddedDatabase(dataDir, 'test')).rejects.toThrow(`is in use by process ${process.ppid}`);
  });
});

describe('generatedSecret', () => {
  it('makes a secret once, readable by its owner alone', () => {
    const dataDir = join(folder(), 'deep', 'data');
    expect(generatedSecret(dataDir, 'token', () => 'first')).toEqual({ value: 'first', isNew: true });
    expect(generatedSecret(dataDir, 'token', () => 'second')).toEqual({ value: 'first', isNew: false });
    expect(readFileSync(join(dataDir, 'token'), 'utf8')).toBe('first\n');
    expect(statSync(join(dataDir, 'token')).mode & 0o777).toBe(0o600);
    expect(statSync(dataDir).mode & 0o777).toBe(0o700);
  });
});
