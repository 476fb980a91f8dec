/**
 * What may be committed of one partition: everything below the first unfinished record, whatever order they finish in.
 * Pure bookkeeping, amortised O(1) per record.
 */
export class Watermark {
  private readonly offsets: number[] = [];
  private readonly finished = new Set<number>();
  private head = 0;

  /** `next` is the offset that is read next. */
  constructor(private next: number) {}

  /** Records are received in the order of their offsets; offsets may have gaps. */
  receive(offset: number): void {
    this.offsets.push(offset);
    this.next = offset + 1;
  }

  finish(offset: number): void {
    this.finished.add(offset);
    while (this.head < this.offsets.length && this.finished.delete(this.offsets[this.head]!)) this.head += 1;
    if (this.head > 1_024 && this.head * 2 > this.offsets.length) {
      this.offsets.splice(0, this.head);
      this.head = 0;
    }
  }

  /** The offset to commit: the first that must be read again after a crash. */
  get position(): number {
    return this.offsets[this.head] ?? this.next;
  }

  /** The offset after the last record that was received. */
  get end(): number {
    return this.next;
  }

  get unfinished(): number {
    return this.offsets.length - this.head - this.finished.size;
  }
}
