/** Whether everything accepted has come to an end, and the records that nobody could use. */
import { getLedger, type InputOf, listDeadRecords, redriveDeadRecord } from '@herald/contracts';
import { LedgerStore } from '@herald/delivery';
import {
  BUS,
  type Bus,
  type DeadRecord,
  DeadRecordStore,
  encodeCursor,
  Handles,
  Input,
  notFound,
} from '@herald/platform';
import { Controller, Inject } from '@nestjs/common';
import { placeCursor } from './list-cursor.js';

@Controller()
export class OpsLedgerController {
  constructor(
    private readonly ledger: LedgerStore,
    private readonly deadRecords: DeadRecordStore,
    @Inject(BUS) private readonly bus: Bus,
  ) {}

  @Handles(getLedger)
  read() {
    return this.ledger.read();
  }

  @Handles(listDeadRecords)
  async list(@Input() { query }: InputOf<typeof listDeadRecords>) {
    const rows = await this.deadRecords.list(query.limit + 1, placeCursor(query.cursor));
    const items = rows.slice(0, query.limit);
    const last = items.at(-1);
    const nextCursor = rows.length > query.limit && last ? encodeCursor([last.place, last.id]) : null;
    return { items: items.map(viewOf), nextCursor };
  }

  /** Published first, marked then: a redrive that is cut off between may be done again, since every step can run again. */
  @Handles(redriveDeadRecord)
  async redrive(@Input() { params }: InputOf<typeof redriveDeadRecord>) {
    const record = await this.deadRecords.find(params.id);
    if (!record) throw notFound();
    await this.bus.publish([{ topic: record.topic, key: record.key, value: record.value }]);
    await this.deadRecords.markRedriven(record.id);
    return viewOf((await this.deadRecords.find(record.id)) ?? record);
  }
}

/** Without the record itself: it may hold what an account's people were to be told. */
function viewOf({ id, topic, partition, offset, reason, detail, at, redrivenAt }: DeadRecord) {
  return {
    id,
    topic,
    partition,
    offset,
    reason,
    detail,
    at: at.toISOString(),
    redrivenAt: redrivenAt?.toISOString() ?? null,
  };
}
