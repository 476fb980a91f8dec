import { embedded, type Ground } from '@herald/testing';
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import { LedgerStore } from './ledger.store.js';

describe.each([embedded])('the ledger on $name', ({ open }) => {
  let ground: Ground;
  beforeAll(async () => {
    ground = await open();
  });
  afterAll(() => ground.close());
  it('32: reads zero', async () => {
    const l = new LedgerStore(ground.database);
    console.log(await l.fold());
    console.log(await l.read());
    await ground.database.query(
      `insert into routing.ledger values (date_trunc('hour', now()), 'accepted', 2),(date_trunc('hour', now()), 'accepted', 3),(now() - interval '40 days', 'accepted', 3)`,
    );
    console.log(await l.fold());
    console.log(await l.read());
    console.log((await ground.database.query('select * from routing.ledger')).rows);
    expect(1).toBe(1);
  });
});
