/** Which process does a duty. A lease only saves work: duties are safe to run twice, so nothing is fenced by it. */
import type { Database } from '@herald/platform';

export class LeaseStore {
  /** `holder` names this process. */
  constructor(
    private readonly database: Database,
    private readonly holder: string,
  ) {}

  /** Takes or renews it; false while another process holds it. */
  async take(duty: string, ms: number): Promise<boolean> {
    const { rowCount } = await this.database.query(
      {
        name: 'duty-take',
        text: `insert into scheduler.duty as d (name, holder, held_until) values ($1, $2, now() + make_interval(secs => $3))
               on conflict (name) do update set holder = excluded.holder, held_until = excluded.held_until
               where d.holder = excluded.holder or d.held_until < now()`,
      },
      [duty, this.holder, ms / 1_000],
    );
    return rowCount > 0;
  }

  /** This process ends: others may begin at once. */
  async releaseAll(): Promise<void> {
    await this.database.query('update scheduler.duty set held_until = now() where holder = $1', [this.holder]);
  }
}
