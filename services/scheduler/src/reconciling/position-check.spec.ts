import { eventAccepted, groups } from '@herald/contracts';
import { DeadRecordStore } from '@herald/platform';
import { EventStore } from '@herald/subscriptions';
import { embedded, type Ground, servers, silent } from '@herald/testing';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import { forgetAll, SteeredBus, storeEvent } from '../../test/scheduler-ground.js';
import { PositionStore } from './position.store.js';
import { PositionCheck } from './position-check.js';

const topic = eventAccepted('normal');

describe.each([embedded, ...servers])('positions of accepted events on $name', ({ open }) => {
  let ground: Ground;
  let bus: SteeredBus;
  let check: PositionCheck;

  beforeAll(async () => {
    ground = await open();
  }, 60_000);
  afterAll(() => ground.close());
  beforeEach(async () => {
    await forgetAll(ground.database);
    bus = new SteeredBus();
    check = make();
    await check.step();
  });

  const make = () => new PositionCheck({ bus, store: new PositionStore(ground.database), logger: silent });
  const finished = (offset: number, partition = 0) => {
    bus.setEnd(topic, partition, offset);
    bus.finish(groups.router, topic, partition, offset);
  };
  const at = (offset: number, partition = 0) => ({ topic, partition, offset });
  const dead = (offset: number) =>
    new DeadRecordStore(ground.database).keep(
      { ...at(offset), key: 'k', value: 'x', bytes: 1, finish: () => {}, isRevoked: false },
      'UNREADABLE',
      'test',
    );

  it('32: the row of an event, of a repeat and a dead record each account for their position', async () => {
    const event = await storeEvent(ground.database, { position: at(0) });
    await new EventStore(ground.database).keepRepeats([{ eventId: event.eventId, position: at(1) }]);
    await dead(2);
    finished(3);
    expect(await check.step()).toEqual({ missing: 0, hasMore: false });
  });

  it('32: a position that was finished without a row is missing, until it has one', async () => {
    await storeEvent(ground.database, { position: at(0) });
    finished(4);
    expect((await check.step()).missing).toBe(3);
    await storeEvent(ground.database, { position: at(2) });
    expect((await check.step()).missing).toBe(2);
    expect((await make().step()).missing).toBe(2);
    await dead(1);
    await dead(3);
    expect((await check.step()).missing).toBe(0);
  });

  it('32: a position above the finished one is not looked at', async () => {
    bus.setEnd(topic, 0, 9);
    bus.finish(groups.router, topic, 0, 1);
    await storeEvent(ground.database, { position: at(0) });
    expect((await check.step()).missing).toBe(0);
  });

  it('32: a position is compared once', async () => {
    for (let offset = 0; offset < 3; offset += 1) await storeEvent(ground.database, { position: at(offset) });
    finished(3);
    await check.step();
    await ground.database.query('delete from routing.event');
    finished(4);
    await dead(3);
    expect((await make().step()).missing).toBe(0);
  });

  it('30: what the log lost before it was read is added to what is missing, though nobody has finished it', async () => {
    await storeEvent(ground.database, { position: at(0) });
    finished(1);
    await check.step();
    bus.setEnd(topic, 0, 10);
    bus.setBegin(topic, 0, 6);
    await check.step();
    expect((await check.step()).missing).toBe(5);
  });

  it('30: a log that is made anew is compared from its beginning', async () => {
    for (let offset = 0; offset < 3; offset += 1) await storeEvent(ground.database, { position: at(offset) });
    finished(3);
    await check.step();
    await ground.database.query('delete from routing.event');
    finished(2);
    await check.step();
    expect((await check.step()).missing).toBe(2);
  });

  it('32: begins with what the log still has', async () => {
    await ground.database.query('delete from scheduler.compared');
    bus.setBegin(topic, 1, 50);
    finished(52, 1);
    await storeEvent(ground.database, { position: at(50, 1) });
    expect((await make().step()).missing).toBe(1);
  });
});
