import { ConfigError } from '@herald/platform';
import { describe, expect, it } from '@jest/globals';
import { type Environment, withEmbeddedDefaults } from './embedded-defaults.js';

const at = (origin: string) => ['dingtalk', 'wecom', 'lark', 'slack'].map((id) => `${id}=${origin}`).join(',');
const imitated = {
  HERALD_SANDBOX: 'true',
  HERALD_SMTP_URL: 'smtp://127.0.0.1:3011',
  HERALD_MAIL_FROM: 'Herald <herald@example.com>',
  HERALD_OUTBOUND_ALLOW: '127.0.0.1/32',
  HERALD_PROVIDER_ORIGINS: at('http://127.0.0.1:3010'),
};
const onServers = { HERALD_DATABASE_URL: 'postgres://db/herald' };

describe('withEmbeddedDefaults', () => {
  it.each<[string, Environment, Environment]>([
    ['nothing given: embedded, with imitated providers', {}, imitated],
    ['empty counts as unset', { HERALD_SANDBOX: '', HERALD_SMTP_URL: '' }, imitated],
    ['on servers: nothing', onServers, {}],
    ['on servers by a file: nothing', { HERALD_DATABASE_URL_FILE: '/run/secrets/db' }, {}],
    ['on servers with a sandbox', { ...onServers, HERALD_SANDBOX: 'true' }, imitated],
    ['without a sandbox: nothing leads to one', { HERALD_SANDBOX: 'false' }, {}],
    [
      'another port of the sandbox; its mail server is at the next',
      { HERALD_SANDBOX_PORT: '4010' },
      { ...imitated, HERALD_SMTP_URL: 'smtp://127.0.0.1:4011', HERALD_PROVIDER_ORIGINS: at('http://127.0.0.1:4010') },
    ],
    ['listening everywhere: called on the loopback', { HERALD_HOST: '0.0.0.0' }, imitated],
    [
      'listening at an address of the network: called there, and allowed',
      { HERALD_HOST: '192.168.1.5' },
      {
        ...imitated,
        HERALD_SMTP_URL: 'smtp://192.168.1.5:3011',
        HERALD_OUTBOUND_ALLOW: '192.168.1.5/32',
        HERALD_PROVIDER_ORIGINS: at('http://192.168.1.5:3010'),
      },
    ],
    [
      'listening at IPv6',
      { HERALD_HOST: '::' },
      {
        ...imitated,
        HERALD_SMTP_URL: 'smtp://[::1]:3011',
        HERALD_OUTBOUND_ALLOW: '::1/128',
        HERALD_PROVIDER_ORIGINS: at('http://[::1]:3010'),
      },
    ],
    [
      'a mail server of one’s own wins',
      { HERALD_SMTP_URL: 'smtps://mail' },
      { ...imitated, HERALD_SMTP_URL: 'smtps://mail' },
    ],
    [
      'a mail server from a file wins',
      { HERALD_SMTP_URL_FILE: '/run/secrets/smtp' },
      { ...imitated, HERALD_SMTP_URL: undefined },
    ],
    [
      'allowed addresses of one’s own are not widened',
      { HERALD_OUTBOUND_ALLOW: '10.0.0.0/8' },
      { ...imitated, HERALD_OUTBOUND_ALLOW: '10.0.0.0/8' },
    ],
    [
      'one platform’s own origin leaves the others imitated',
      { HERALD_PROVIDER_ORIGINS: 'slack=https://gateway.example.com' },
      {
        ...imitated,
        HERALD_PROVIDER_ORIGINS: `slack=https://gateway.example.com,${at('http://127.0.0.1:3010').replace(/,slack=.*/, '')}`,
      },
    ],
    [
      'links lead to the port that is listened on',
      { HERALD_PORT: '8080' },
      { ...imitated, HERALD_PUBLIC_URL: 'http://localhost:8080' },
    ],
    [
      'unless people reach it elsewhere',
      { HERALD_PORT: '8080', HERALD_PUBLIC_URL: 'https://herald.example.com' },
      { ...imitated, HERALD_PUBLIC_URL: 'https://herald.example.com' },
    ],
    ['a port that is none is left to the schema', { HERALD_SANDBOX_PORT: 'x' }, { HERALD_SANDBOX: 'true' }],
  ])('%s', (_name, given, expected) => {
    const filled = withEmbeddedDefaults(given);
    const added = Object.fromEntries(Object.entries(filled).filter(([name]) => name in expected));
    expect(added).toEqual(Object.fromEntries(Object.entries(expected).filter(([, value]) => value !== undefined)));
    const isOther = ([name, value]: [string, unknown]) =>
      !(name in expected) && !(name in given) && value !== undefined;
    expect(Object.entries(filled).filter(isOther)).toEqual([]);
  });

  it('refuses any free port for the sandbox, where it could not be called', () => {
    expect(() => withEmbeddedDefaults({ HERALD_SANDBOX_PORT: '0' })).toThrow(ConfigError);
  });
});
