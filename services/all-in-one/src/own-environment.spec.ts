import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, it } from '@jest/globals';
import { isFirstTelling, ownEnvironment } from './own-environment.js';

describe('ownEnvironment', () => {
  const dataDir = mkdtempSync(join(tmpdir(), 'herald-own-'));
  afterAll(() => rmSync(dataDir, { recursive: true, force: true }));

  it('makes an operator’s token once, and keeps it over starts that came to nothing', () => {
    const first = ownEnvironment({ HERALD_DATA_DIR: dataDir, LOG_FORMAT: 'json' });
    expect(first.operatorToken?.value).toMatch(/^[\w-]{32}$/);
    expect(first.environment['HERALD_BOOTSTRAP_OPERATOR_TOKEN']).toBe(first.operatorToken?.value);
    const second = ownEnvironment({ HERALD_DATA_DIR: dataDir, LOG_FORMAT: 'json' });
    expect(second.operatorToken).toEqual(first.operatorToken);
    expect(isFirstTelling(dataDir)).toBe(true);
    expect(isFirstTelling(dataDir)).toBe(false);
  });

  it.each([
    ['one was given', { HERALD_BOOTSTRAP_OPERATOR_TOKEN: 'given-by-somebody' }],
    ['the data is on servers', { HERALD_DATABASE_URL: 'postgres://db/herald' }],
  ])('makes none where %s', (_name, more) => {
    expect(ownEnvironment({ HERALD_DATA_DIR: join(dataDir, 'other'), ...more }).operatorToken).toBeNull();
  });
});
