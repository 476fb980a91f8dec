/** Numbers by their index, growing as needed: what a run remembers per event costs 8 bytes and no garbage. */
export class Column {
  private values: Float64Array<ArrayBuffer>;
  private used = 0;

  constructor(
    private readonly empty = 0,
    capacity = 65_536,
  ) {
    this.values = new Float64Array(capacity).fill(empty);
  }

  get length(): number {
    return this.used;
  }

  get(index: number): number {
    return index < this.used ? this.values[index]! : this.empty;
  }

  set(index: number, value: number): void {
    if (index >= this.values.length) {
      const grown = new Float64Array(Math.max(index + 1, this.values.length * 2)).fill(this.empty);
      grown.set(this.values);
      this.values = grown;
    }
    this.values[index] = value;
    if (index >= this.used) this.used = index + 1;
  }

  toArray(): Float64Array<ArrayBuffer> {
    return this.values.slice(0, this.used);
  }
}
