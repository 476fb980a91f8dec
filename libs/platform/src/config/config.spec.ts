import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { z } from 'zod';
import { Config, ConfigError, configSection, duration, durations, parseDuration } from './config.js';
import { platformConfig } from './platform.config.js';

const faultsOf = (environment: NodeJS.ProcessEnv): readonly string[] => {
  try {
    Config.read([platformConfig], environment);
    return [];
  } catch (error) {
    return (error as ConfigError).faults;
  }
};

describe('Config', () => {
  it('needs nothing to start', () => {
    expect(Config.read([platformConfig], {}).get(platformConfig)).toMatchObject({
      HERALD_HOST: '127.0.0.1',
      HERALD_DATA_DIR: './.herald',
      HERALD_KAFKA_BROKERS: [],
      HERALD_KAFKA_PARTITIONS: 12,
      HERALD_ATTEMPT_TIMEOUT: 10_000,
    });
  });

  it('tells every fault at once, by the variable’s name, and never a value', () => {
    const planted = 's3cr3t-of-mine';
    const environment = {
      HERALD_PORT: `70000${planted}`,
      HERALD_DATABASE_URL: `mysql://u:${planted}@db/h`,
      HERALD_REDIS_URL: planted,
      HERALD_SECRET_KEYS: `k1:${planted}`,
      HERALD_SMTP_URL: `http://${planted}`,
      HERALD_KAFKA_PARTITIONS: planted,
      HERALD_KAFKA_PREFIX: `${planted} `,
      HERALD_KAFKA_SASL_MECHANISM: planted,
      HERALD_BOOTSTRAP_OPERATOR_TOKEN: 'short',
      HERALD_OUTBOUND_ALLOW: `10.0.0.0/8,${planted}`,
      HERALD_PROVIDER_ORIGINS: `${planted}=http://x`,
      HERALD_SANDBOX: planted,
      HERALD_ATTEMPT_TIMEOUT: planted,
      HERALD_RETRY_DELAYS_CHAT: `5s,${planted}`,
      HERALD_MAIL_FROM: `${planted}\nBcc: x`,
      LOG_LEVEL: planted,
    };
    const faults = faultsOf(environment);
    for (const name of Object.keys(environment))
      expect(faults.filter((fault) => fault.startsWith(`${name}: `))).toHaveLength(1);
    expect(faults).toHaveLength(Object.keys(environment).length);
    expect(new ConfigError(faults).message).not.toContain(planted);
    expect(faults.every((fault) => /expected/i.test(fault))).toBe(true);
  });

  it('reads a value from the file that NAME_FILE names; not both, and not one that can’t be read', () => {
    const folder = mkdtempSync(join(tmpdir(), 'herald-test-'));
    const path = join(folder, 'token');
    writeFileSync(path, 'a-token-of-sixteen-and-more\n');
    const name = 'HERALD_BOOTSTRAP_OPERATOR_TOKEN';
    const read = Config.read([platformConfig], { [`${name}_FILE`]: path }).get(platformConfig);
    expect(read.HERALD_BOOTSTRAP_OPERATOR_TOKEN).toBe('a-token-of-sixteen-and-more');
    expect(faultsOf({ [`${name}_FILE`]: path, [name]: 'another-of-sixteen-and-more' })).toEqual([
      `${name}: given twice, as a value and by ${name}_FILE; leave one out`,
    ]);
    expect(faultsOf({ [`${name}_FILE`]: join(folder, 'none') })).toEqual([
      `${name}_FILE: the file can't be read (ENOENT)`,
    ]);
    rmSync(folder, { recursive: true });
  });

  it('counts an empty variable as unset', () => {
    expect(
      Config.read([platformConfig], { HERALD_DATABASE_URL: '', HERALD_PORT: '' }).get(platformConfig),
    ).toMatchObject({
      HERALD_HOST: '127.0.0.1',
    });
  });

  it.each([
    ['500ms', 500],
    ['5s', 5_000],
    ['1.5m', 90_000],
    ['2h', 7_200_000],
    ['7d', 604_800_000],
    ['5', null],
    ['-5s', null],
    ['5 s', null],
    ['s', null],
  ])('reads the duration %s as %s ms', (text, ms) => {
    expect(parseDuration(text)).toBe(ms);
    const section = configSection('T', { A: duration('1s'), B: durations() });
    if (ms === null) expect(() => Config.read([section], { A: text })).toThrow(ConfigError);
    else expect(Config.read([section], { A: text, B: `1s,${text}` }).get(section)).toEqual({ A: ms, B: [1_000, ms] });
  });

  it('says so where a section was not read', () => {
    const section = configSection('Other', { A: z.string().optional() });
    expect(() => Config.read([platformConfig], {}).get(section)).toThrow('"Other" was not read');
  });
});
