import { embeddedGround, type Ground, hostService } from '@herald/testing';
import { afterAll, beforeAll, expect, it } from '@jest/globals';
import { SteeredBus } from '../test/scheduler-ground.js';
import { SchedulerModule } from './scheduler.module.js';

let ground: Ground;
beforeAll(async () => {
  ground = await embeddedGround();
}, 60_000);
afterAll(() => ground.close());

async function until<Value>(what: string, ask: () => Promise<Value | undefined>): Promise<Value> {
  for (let tries = 0; tries < 600; tries += 1) {
    const answer = await ask();
    if (answer !== undefined) return answer;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited in vain for ${what}`);
}

it('starts, shows the ledger on /metrics, reconciles, and stops without leaving a duty behind', async () => {
  const scheduler = await hostService(SchedulerModule, { database: ground.database, bus: new SteeredBus() });
  const metrics = await until('the gauges', async () => {
    const text = await (await fetch(`${scheduler.url}/metrics`)).text();
    return text.includes('herald_ledger_gap') ? text : undefined;
  });
  expect(metrics).toMatch(/^herald_ledger_gap 0$/m);
  expect(metrics).toMatch(/^herald_ledger_events\{state="accepted"\} 0$/m);
  await until('a reconciliation', async () => {
    const { rows } = await ground.database.query('select at from delivery.reconciliation');
    return rows[0];
  });
  await scheduler.close();
  const { rows } = await ground.database.query('select name from scheduler.duty where held_until > now()');
  expect(rows).toEqual([]);
}, 60_000);
