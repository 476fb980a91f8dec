import { describe, expect, it } from '@jest/globals';
import { type Welcome, welcome } from './welcome.js';

const first: Welcome = {
  url: 'http://127.0.0.1:3000',
  sandbox: { url: 'http://127.0.0.1:3010', mailUrl: 'smtp://127.0.0.1:3011' },
  dataDir: '/srv/.herald',
  operator: { token: 'the-token', file: '/srv/.herald/operator-token' },
  apiKey: 'hrld_key',
};

describe('welcome', () => {
  it('says where to look and what to paste', () => {
    const text = welcome(first);
    for (const part of [
      'http://127.0.0.1:3000/docs',
      'http://127.0.0.1:3010',
      'the-token',
      'hrld_key',
      'curl -X POST http://127.0.0.1:3000/v1/events',
      'curl http://127.0.0.1:3000/v1/messages',
    ])
      expect(text).toContain(part);
  });

  it('tells the operator’s token once, and afterwards where it is kept', () => {
    const text = welcome({ ...first, operator: { token: null, file: '/srv/.herald/operator-token' } });
    expect(text).not.toContain('the-token');
    expect(text).toContain("$(cat '/srv/.herald/operator-token')");
  });

  it('names the variable of a token that was given', () => {
    expect(welcome({ ...first, operator: { token: null, file: null } })).toContain('$HERALD_BOOTSTRAP_OPERATOR_TOKEN');
  });

  it('prints nothing to paste that would not work', () => {
    const text = welcome({
      ...first,
      sandbox: null,
      dataDir: null,
      operator: { token: null, file: null },
      apiKey: null,
    });
    expect(text).toContain('http://127.0.0.1:3000');
    expect(text).not.toMatch(/curl|3010|undefined|null/);
  });

  it('is safe to paste: what is quoted holds no quote', () => {
    const data = /-d '([^']*)'/.exec(welcome(first))?.[1];
    expect(JSON.parse(data ?? '')).toMatchObject({ accountId: 'demo', subtype: 'sec_account_security' });
  });
});
