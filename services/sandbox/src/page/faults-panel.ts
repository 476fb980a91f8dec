/** Shows the faults that are set, and sets and removes them. */
import { el } from './dom.js';
import type { Fault, Side } from './item.js';
import type { Words } from './words.js';

export interface FaultActions {
  readonly recordedAnswers: readonly string[];
  /** Answers why it was refused; null where it was taken. */
  add(fault: Record<string, unknown>): Promise<string | null>;
  remove(id: string): Promise<void>;
  removeAll(): Promise<void>;
}

const platforms: readonly Side[] = ['dingtalk', 'wecom', 'lark', 'slack', 'webhook', 'mail'];
const httpKinds = ['status', 'answer', 'slow', 'hang', 'reset', 'close', 'empty', 'html', 'huge', 'bomb'];
const mailKinds = ['smtp', 'slow', 'hang', 'reset'];

export class FaultsPanel {
  readonly dialog: HTMLDialogElement;
  private readonly list = el('div', { class: 'fault-list' });
  private readonly problem = el('p', { class: 'problem', role: 'alert' });
  private readonly form: HTMLFormElement;
  private faults: readonly Fault[] = [];

  constructor(
    private readonly words: Words,
    private readonly actions: FaultActions,
  ) {
    this.form = el('form', { class: 'fault-form', onsubmit: (event) => void this.submit(event) });
    this.dialog = el(
      'dialog',
      { class: 'panel', 'aria-labelledby': 'faults-title' },
      el(
        'div',
        { class: 'panel-head' },
        el('h2', { id: 'faults-title' }, words.faults),
        el('button', { type: 'button', class: 'plain', onclick: () => this.dialog.close() }, words.close),
      ),
      el('p', { class: 'quiet' }, words.faultsAbout),
      this.list,
      this.form,
      this.problem,
    );
    this.form.addEventListener('change', (event) => this.refill(event));
    this.fill('', 'status');
    this.show([]);
  }

  open(): void {
    this.dialog.showModal();
  }

  show(faults: readonly Fault[]): void {
    this.faults = faults;
    const { words, actions } = this;
    this.list.replaceChildren(
      ...(faults.length === 0
        ? [el('p', { class: 'quiet' }, words.noFaults)]
        : faults.map((fault) =>
            el(
              'div',
              { class: 'fault' },
              el('span', { class: 'fault-what' }, this.told(fault)),
              el(
                'button',
                {
                  type: 'button',
                  class: 'plain',
                  'aria-label': `${words.remove}: ${this.told(fault)}`,
                  onclick: () => void actions.remove(fault.id),
                },
                words.remove,
              ),
            ),
          )),
    );
    if (faults.length > 1) {
      this.list.append(
        el('button', { type: 'button', class: 'plain', onclick: () => void actions.removeAll() }, words.removeAll),
      );
    }
  }

  get count(): number {
    return this.faults.length;
  }

  private told({ id: _, kind, platform, times, headers, ...details }: Fault): string {
    const { words } = this;
    const more = Object.entries({ ...details, ...(headers as Record<string, unknown> | undefined) })
      .filter(([, value]) => value !== undefined && value !== null)
      .map(([name, value]) => `${name} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`);
    return [
      platform ? words.platforms[platform] : words.any,
      words.kinds[kind] ?? kind,
      ...more,
      typeof times === 'number' ? words.left(times) : words.always,
    ].join(' · ');
  }

  private refill(event: Event): void {
    const { name } = event.target as HTMLSelectElement;
    if (name !== 'platform' && name !== 'kind') return;
    const { platform, kind } = this.values();
    this.fill(platform ?? '', kind ?? '');
    this.form.querySelector<HTMLElement>(`[name="${name}"]`)?.focus();
  }

  private fill(platform: string, wantedKind: string): void {
    const { words } = this;
    const kinds = platform === 'mail' ? mailKinds : httpKinds;
    const kind = kinds.includes(wantedKind) ? wantedKind : kinds[0]!;
    const options = (values: readonly (readonly [string, string])[], chosen: string) =>
      values.map(([value, label]) => el('option', { value, selected: value === chosen }, label));
    const field = (label: string, input: HTMLElement) => el('label', {}, el('span', {}, label), input);
    const number = (name: string, value: string, min: number, max: number, more = {}) =>
      el('input', { name, type: 'number', inputmode: 'numeric', value, min, max, ...more });
    const sides = platforms.map((side) => [side, words.platforms[side]] as const);
    const answers = this.actions.recordedAnswers.filter((name) => platform === '' || name.startsWith(platform));
    this.form.replaceChildren(
      field(words.platform, el('select', { name: 'platform' }, ...options([['', words.any], ...sides], platform))),
      field(
        words.kind,
        el(
          'select',
          { name: 'kind' },
          ...options(
            kinds.map((it) => [it, words.kinds[it] ?? it] as const),
            kind,
          ),
        ),
      ),
      ...(kind === 'status'
        ? [
            field(words.status, number('status', '500', 200, 599)),
            field(words.retryAfter, number('retryAfter', '', 0, 86_400, { placeholder: '—' })),
          ]
        : []),
      ...(kind === 'smtp' ? [field(words.code, number('code', '451', 400, 599))] : []),
      ...(kind === 'slow' ? [field(words.delay, number('delayMs', '3000', 0, 600_000))] : []),
      ...(kind === 'answer'
        ? [
            field(
              words.recorded,
              el(
                'select',
                { name: 'recorded' },
                ...options(
                  answers.map((it) => [it, it] as const),
                  '',
                ),
              ),
            ),
          ]
        : []),
      field(words.times, number('times', '1', 1, 1_000_000, { placeholder: words.always })),
      el('button', { type: 'submit', class: 'primary' }, words.add),
    );
  }

  private values(): Record<string, string | undefined> {
    return Object.fromEntries([...new FormData(this.form)].map(([name, value]) => [name, String(value)]));
  }

  private async submit(event: Event): Promise<void> {
    event.preventDefault();
    const { platform, kind, status, code, delayMs, times, retryAfter, recorded } = this.values();
    const fault: Record<string, unknown> = { kind };
    if (platform) fault['platform'] = platform;
    if (recorded) fault['recorded'] = recorded;
    if (retryAfter) fault['headers'] = { 'retry-after': retryAfter };
    for (const [name, value] of Object.entries({ status, code, delayMs, times }))
      if (value) fault[name] = Number(value);
    const refusal = await this.actions.add(fault);
    this.problem.textContent = refusal === null ? '' : `${this.words.refusedFault} ${refusal}`;
  }
}
