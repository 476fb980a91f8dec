/** What `/readyz` asks. Alive is whoever answers; ready is whoever can do the job. */
export class Health {
  private readonly checks = new Map<string, () => Promise<void>>();
  private draining = false;

  add(name: string, check: () => Promise<void>): void {
    this.checks.set(name, check);
  }

  setDraining(): void {
    this.draining = true;
  }

  get isDraining(): boolean {
    return this.draining;
  }

  async ask(): Promise<{ ready: boolean; checks: Record<string, string> }> {
    const checks: Record<string, string> = {};
    await Promise.all(
      [...this.checks].map(async ([name, check]) => {
        checks[name] = await check().then(
          () => 'ok',
          (error: Error) => error.name,
        );
      }),
    );
    if (this.draining) checks['process'] = 'draining';
    return { ready: Object.values(checks).every((state) => state === 'ok'), checks };
  }
}
