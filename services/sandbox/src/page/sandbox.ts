/** The page: what is received comes in over one stream; each place shows its newest message, and all of them on a page of its own. */
import { el } from './dom.js';
import { drawEntry } from './draw-entry.js';
import { FaultsPanel } from './faults-panel.js';
import type { Fault, Item, KnownRobot } from './item.js';
import { type Place, placesOf } from './places.js';
import { type Language, type Words, wordsIn } from './words.js';

const LOADED_AT_MOST = 1_000;
const SHOWN_AT_ONCE = 30;

const remembered = (name: string) => {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
};
const remember = (name: string, value: string) => {
  try {
    localStorage.setItem(name, value);
  } catch {
    // A browser that keeps nothing: the choice holds until the page is left.
  }
};

class Page {
  private language: Language;
  private words: Words;
  private robots: readonly KnownRobot[] = [];
  private items: Item[] = [];
  private faults: readonly Fault[] = [];
  private recordedAnswers: readonly string[] = [];
  private isLive = false;
  private shown = SHOWN_AT_ONCE;
  private isDrawing = false;
  private panel: FaultsPanel | undefined;
  /** What stands on the page by what it shows, so that nothing is drawn twice (frames would load again). */
  private readonly drawn = new Map<string, HTMLElement>();
  private readonly root = document.getElementById('page')!;
  private readonly announcer = document.getElementById('announcer')!;

  constructor() {
    const kept = remembered('language') ?? document.documentElement.lang;
    this.language = kept === 'zh-CN' ? 'zh-CN' : 'en-US';
    this.words = wordsIn[this.language];
    const theme = remembered('theme');
    if (theme) document.documentElement.dataset['theme'] = theme;
    this.speak(this.language);
    addEventListener('hashchange', () => {
      this.shown = SHOWN_AT_ONCE;
      this.draw();
      scrollTo(0, 0);
    });
    this.listen();
  }

  private listen(): void {
    const stream = new EventSource('/received/stream');
    stream.addEventListener('open', () => void this.load());
    stream.addEventListener('error', () => {
      this.isLive = false;
      this.drawSoon();
    });
    stream.addEventListener('cleared', () => {
      this.items = [];
      this.drawSoon();
    });
    stream.addEventListener('received', (event) => {
      this.add([JSON.parse(event.data) as Item]);
      if (this.faults.length > 0) void this.loadFaults();
    });
  }

  /** At each connection: the sandbox may have been started anew, and have forgotten everything. */
  private async load(): Promise<void> {
    try {
      const [received, robots, answers] = await Promise.all([
        read<Item>(`/received?limit=${LOADED_AT_MOST}`),
        read<KnownRobot>('/robots'),
        read<string>('/recorded-answers'),
        this.loadFaults(),
      ]);
      this.items = [];
      this.robots = robots;
      this.recordedAnswers = answers;
      this.isLive = true;
      this.speak(this.language);
      this.add(received);
    } catch {
      this.isLive = false;
    }
    this.drawSoon();
  }

  private async loadFaults(): Promise<void> {
    this.faults = await read<Fault>('/faults');
    this.panel?.show(this.faults);
    this.drawSoon();
  }

  private add(items: readonly Item[]): void {
    const known = new Set(this.items.map(({ id }) => id));
    const fresh = items.filter(({ id }) => !known.has(id));
    this.items = [...this.items, ...fresh].slice(-LOADED_AT_MOST);
    const newest = fresh.at(-1);
    if (newest && fresh.length < 20) {
      this.announcer.textContent = this.words.arrived(newest.robot ?? newest.path);
    }
    // A robot that was registered after this page was opened.
    if (
      fresh.some(
        ({ platform, robot }) =>
          robot !== null && !this.robots.some((it) => it.platform === platform && it.name === robot),
      )
    ) {
      void read<KnownRobot>('/robots').then((robots) => {
        this.robots = robots;
        this.drawSoon();
      });
    }
    this.drawSoon();
  }

  private speak(language: Language): void {
    this.language = language;
    this.words = wordsIn[language];
    document.documentElement.lang = language;
    document.title = `Herald · ${this.words.title}`;
    this.drawn.clear();
    const wasOpen = this.panel?.dialog.open;
    this.panel?.dialog.remove();
    this.panel = new FaultsPanel(this.words, {
      recordedAnswers: this.recordedAnswers,
      add: async (fault) => {
        const refusal = await send('POST', '/faults', fault);
        await this.loadFaults();
        return refusal;
      },
      remove: async (id) => {
        await send('DELETE', `/faults/${id}`);
        await this.loadFaults();
      },
      removeAll: async () => {
        await send('DELETE', '/faults');
        await this.loadFaults();
      },
    });
    this.panel.show(this.faults);
    document.body.append(this.panel.dialog);
    if (wasOpen) this.panel.open();
  }

  /** A storm of messages is one drawing a frame. */
  private drawSoon(): void {
    if (this.isDrawing) return;
    this.isDrawing = true;
    requestAnimationFrame(() => {
      this.isDrawing = false;
      this.draw();
    });
  }

  private draw(): void {
    const places = placesOf(this.robots, this.items);
    const key = decodeURIComponent(location.hash.replace(/^#\/?/, ''));
    const chosen = places.find((place) => place.key === key);
    place(this.root, [
      this.head(),
      this.items.length === 0 && !chosen ? this.empty(places) : null,
      chosen ? this.thread(chosen) : this.board(places),
    ]);
  }

  private head(): HTMLElement {
    const { words, isLive, faults } = this;
    const isDark = document.documentElement.dataset['theme']
      ? document.documentElement.dataset['theme'] === 'dark'
      : matchMedia('(prefers-color-scheme: dark)').matches;
    const signature = [this.language, isLive, faults.length, isDark, this.items.length === 0].join();
    return this.keep('head', signature, () =>
      el(
        'header',
        { class: 'top' },
        el(
          'div',
          { class: 'brand' },
          el(
            'h1',
            {},
            el('a', { href: '#/' }, el('span', { class: 'mark', 'aria-hidden': 'true' }), `Herald · ${words.title}`),
          ),
          el('p', { class: 'quiet about' }, words.about),
        ),
        el(
          'div',
          { class: 'tools' },
          el(
            'span',
            { class: `live ${isLive ? 'on' : 'off'}`, role: 'status', title: isLive ? '' : words.failed },
            isLive ? words.live : words.reconnecting,
          ),
          el(
            'button',
            { type: 'button', onclick: () => this.panel?.open(), class: faults.length > 0 ? 'alert' : '' },
            faults.length > 0 ? `${words.faults} · ${faults.length}` : words.faults,
          ),
          el(
            'button',
            { type: 'button', disabled: this.items.length === 0, onclick: () => void this.clear() },
            words.clear,
          ),
          el(
            'button',
            { type: 'button', lang: this.language === 'zh-CN' ? 'en' : 'zh-CN', onclick: () => this.switchLanguage() },
            words.language,
          ),
          el(
            'button',
            { type: 'button', onclick: () => this.switchTheme(isDark ? 'light' : 'dark') },
            isDark ? words.toLight : words.toDark,
          ),
        ),
      ),
    );
  }

  private board(places: readonly Place[]): HTMLElement {
    const board = this.keep('board', this.language, () => el('main', { class: 'board' }));
    place(
      board,
      places.map((it) => this.card(it)),
    );
    return board;
  }

  private card(it: Place): HTMLElement {
    const { words } = this;
    const newest = it.items[0];
    const signature = [this.language, it.items.length, newest?.id, it.isKnown, it.isSigned].join();
    return this.keep(`card ${it.key}`, signature, () =>
      el(
        'section',
        { class: `place ${it.platform}`, 'aria-label': `${words.platforms[it.platform]} ${it.name}` },
        this.placeHead(
          it,
          it.items.length > 0 &&
            el('a', { class: 'more', href: `#/${encodeURIComponent(it.key)}` }, words.showAll(it.items.length)),
        ),
        newest
          ? el(
              'div',
              { class: 'newest', tabindex: 0, role: 'group', 'aria-label': it.name },
              drawEntry(newest, it, words, this.language),
            )
          : el('p', { class: 'waiting quiet' }, words.waiting),
      ),
    );
  }

  private placeHead(it: Place, more: HTMLElement | false): HTMLElement {
    const { words } = this;
    return el(
      'div',
      { class: 'place-head' },
      el('span', { class: `badge ${it.platform}` }, words.platforms[it.platform]),
      el('h2', { title: it.name }, it.name),
      it.isSigned && el('span', { class: 'chip' }, words.signed),
      !it.isKnown && it.platform !== 'webhook' && el('span', { class: 'chip warn' }, words.unknownRobot),
      more,
    );
  }

  private thread(it: Place): HTMLElement {
    const { words } = this;
    const thread = this.keep(`thread ${it.key}`, this.language, () => el('main', { class: 'thread' }));
    const left = it.items.length - this.shown;
    place(thread, [
      this.keep(`thread-head ${it.key}`, [this.language, it.items.length].join(), () =>
        el(
          'div',
          { class: `place ${it.platform}` },
          el('p', {}, el('a', { class: 'back', href: '#/' }, `← ${words.back}`)),
          this.placeHead(it, el('span', { class: 'quiet' }, words.messages(it.items.length))),
        ),
      ),
      it.items.length === 0 ? el('p', { class: 'waiting quiet' }, words.waiting) : null,
      ...it.items
        .slice(0, this.shown)
        .map((item) =>
          this.keep(`entry ${it.key} ${item.id}`, [this.language, it.isSigned].join(), () =>
            drawEntry(item, it, words, this.language),
          ),
        ),
      left > 0
        ? el(
            'button',
            {
              type: 'button',
              class: 'wide',
              onclick: () => {
                this.shown += SHOWN_AT_ONCE;
                this.draw();
              },
            },
            words.showMore(Math.min(left, SHOWN_AT_ONCE)),
          )
        : null,
    ]);
    return thread;
  }

  private empty(places: readonly Place[]): HTMLElement {
    const { words } = this;
    return this.keep('empty', [this.language, places.length].join(), () =>
      el(
        'section',
        { class: 'empty' },
        el('h2', {}, words.emptyTitle),
        el('p', {}, words.emptyText),
        places.length === 0 && el('p', {}, words.emptyRobots),
        places.length === 0 &&
          el(
            'pre',
            { class: 'json' },
            `curl -X POST ${location.origin}/robots -H 'Content-Type: application/json' \\\n  -d '{"platform":"slack","name":"Operations"}'`,
          ),
      ),
    );
  }

  /** What was drawn for the same state stays: it keeps its focus, its open parts and its scrolling. */
  private keep<Kind extends HTMLElement>(key: string, signature: string, draw: () => Kind): Kind {
    const known = this.drawn.get(key);
    if (known && known.dataset['signature'] === signature) return known as Kind;
    const element = draw();
    element.dataset['signature'] = signature;
    this.drawn.set(key, element);
    return element;
  }

  private async clear(): Promise<void> {
    if (!confirm(this.words.clearQuestion)) return;
    await send('DELETE', '/received');
  }

  private switchLanguage(): void {
    const language = this.language === 'zh-CN' ? 'en-US' : 'zh-CN';
    remember('language', language);
    this.speak(language);
    this.draw();
  }

  private switchTheme(theme: 'light' | 'dark'): void {
    remember('theme', theme);
    document.documentElement.dataset['theme'] = theme;
    this.draw();
  }
}

/** Brings the children in order, leaving alone those that stand already. */
function place(parent: HTMLElement, children: readonly (HTMLElement | null)[]): void {
  const wanted = children.filter((child) => child !== null);
  for (const child of [...parent.children]) if (!wanted.includes(child as HTMLElement)) child.remove();
  for (const [index, child] of wanted.entries()) {
    if (parent.children[index] !== child) parent.insertBefore(child, parent.children[index] ?? null);
  }
}

async function read<T>(path: string): Promise<T[]> {
  const answer = await fetch(path);
  if (!answer.ok) throw new Error(`${path} answers ${answer.status}`);
  return ((await answer.json()) as { items: T[] }).items;
}

/** Null where it went well, else why not. */
async function send(method: 'POST' | 'DELETE', path: string, body?: unknown): Promise<string | null> {
  const answer = await fetch(path, {
    method,
    ...(body === undefined ? {} : { headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }),
  });
  if (answer.ok) return null;
  const problem = (await answer.json().catch(() => ({}))) as {
    title?: string;
    errors?: { path: string; message: string }[];
  };
  return [problem.title, ...(problem.errors ?? []).map(({ path: at, message }) => `${at} ${message}`)]
    .filter(Boolean)
    .join(' ');
}

new Page();
