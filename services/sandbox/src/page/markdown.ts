/** The Markdown that DingTalk, WeCom and Lark each understand; what a platform doesn't know stays as it was typed. */
import { entityRule, type Rule, scan } from './scan.js';
import { type Block, type Inline, type ListItem, text } from './tree.js';

export interface Dialect {
  readonly has: ReadonlySet<
    'headings' | 'lists' | 'em' | 'del' | 'images' | 'code' | 'fences' | 'rules' | 'tables' | 'entities'
  >;
  /** Whether a single line feed breaks the line, or only one after two spaces. */
  readonly breaks: 'always' | 'after two spaces';
  /** The colours that `<font color>` may name; null = any. Undefined: no such tag. */
  readonly colors?: ReadonlySet<string> | null;
  readonly mentions?: RegExp;
}

export const dialects = {
  dingtalk: {
    has: new Set(['headings', 'lists', 'em', 'images']),
    breaks: 'after two spaces',
    colors: null,
    mentions: /@(?:all|1\d{10})\b/y,
  },
  wecom: {
    has: new Set(['headings', 'code']),
    breaks: 'always',
    colors: new Set(['info', 'comment', 'warning']),
    mentions: /<@([\w.@-]+)>/y,
  },
  wecomV2: {
    has: new Set(['headings', 'lists', 'em', 'images', 'code', 'fences', 'rules', 'tables']),
    breaks: 'always',
  },
  larkOld: {
    has: new Set(['lists', 'em', 'del', 'images', 'fences', 'entities']),
    breaks: 'always',
    colors: null,
    mentions: /<at\s+(?:id|user_id)=["']?([\w-]+)["']?\s*>([^<]*)<\/at>/y,
  },
  lark: {
    has: new Set(['headings', 'lists', 'em', 'del', 'images', 'code', 'fences', 'rules', 'tables', 'entities']),
    breaks: 'always',
    colors: null,
    mentions: /<at\s+(?:id|user_id)=["']?([\w-]+)["']?\s*>([^<]*)<\/at>/y,
  },
} satisfies Record<string, Dialect>;

export function parseMarkdown(source: string, dialect: Dialect): Block[] {
  return parseBlocks(source.replaceAll('\r\n', '\n').split('\n'), dialect, rulesOf(dialect), 0);
}

const quoteLine = /^ {0,3}> ?(.*)$/;
const headingLine = /^ {0,3}(#{1,6})\s+(.*?)\s*#*$/;
const listLine = /^(\s*)([-*+]|\d{1,9}\.)\s+(.*)$/;
const ruleLine = /^ {0,3}(?:-{3,}|\*{3,})\s*$/;
const fenceLine = /^ {0,3}```/;
const tableLine = /^\s*\|.*\|\s*$/;

function parseBlocks(lines: readonly string[], dialect: Dialect, rules: readonly Rule[], depth: number): Block[] {
  const { has } = dialect;
  const blocks: Block[] = [];
  let paragraph: string[] = [];
  const flush = () => {
    if (paragraph.length > 0) blocks.push({ kind: 'paragraph', children: withBreaks(paragraph, dialect, rules) });
    paragraph = [];
  };
  const run = (from: number, matches: (line: string) => boolean) => {
    let end = from;
    while (end < lines.length && matches(lines[end]!)) end += 1;
    return lines.slice(from, end);
  };

  for (let at = 0; at < lines.length; ) {
    const line = lines[at]!;
    const heading = has.has('headings') ? headingLine.exec(line) : null;
    let taken = 1;
    if (line.trim() === '') {
      flush();
    } else if (heading) {
      flush();
      blocks.push({ kind: 'heading', level: heading[1]!.length, children: scan(heading[2]!, rules) });
    } else if (has.has('fences') && fenceLine.test(line)) {
      flush();
      const body = run(at + 1, (it) => !fenceLine.test(it));
      blocks.push({ kind: 'code', text: body.join('\n') });
      taken = body.length + 2;
    } else if (has.has('rules') && ruleLine.test(line)) {
      flush();
      blocks.push({ kind: 'rule' });
    } else if (quoteLine.test(line) && depth < 4) {
      flush();
      const quoted = run(at, (it) => quoteLine.test(it));
      const inner = quoted.map((it) => quoteLine.exec(it)![1]!);
      blocks.push({ kind: 'quote', children: parseBlocks(inner, dialect, rules, depth + 1) });
      taken = quoted.length;
    } else if (has.has('tables') && tableLine.test(line)) {
      flush();
      const rows = run(at, (it) => tableLine.test(it));
      blocks.push({ kind: 'table', rows: rows.filter((row) => !isSeparator(row)).map((row) => cells(row, rules)) });
      taken = rows.length;
    } else if (has.has('lists') && listLine.test(line)) {
      flush();
      const items = run(at, (it) => listLine.test(it));
      blocks.push({ kind: 'list', items: items.map((item) => listItem(item, rules)) });
      taken = items.length;
    } else {
      paragraph.push(line);
    }
    at += taken;
  }
  flush();
  return blocks;
}

function withBreaks(lines: readonly string[], dialect: Dialect, rules: readonly Rule[]): Inline[] {
  return scan(
    lines
      .map((line, index) => {
        if (index === lines.length - 1) return line;
        const isHard = dialect.breaks === 'always' || / {2,}$/.test(line);
        return `${line.trimEnd()}${isHard ? '\n' : ' '}`;
      })
      .join(''),
    rules,
  );
}

function listItem(line: string, rules: readonly Rule[]): ListItem {
  const [, indent = '', marker = '', rest = ''] = listLine.exec(line)!;
  const depth = Math.min(5, Math.floor(indent.replaceAll('\t', '  ').length / 2));
  return { depth, marker: /\d/.test(marker) ? marker : '•', children: scan(rest, rules) };
}

function cells(row: string, rules: readonly Rule[]): Inline[][] {
  return row
    .trim()
    .slice(1, -1)
    .split('|')
    .map((cell) => scan(cell.trim(), rules));
}

function isSeparator(row: string): boolean {
  return /^\s*\|(?:\s*:?-+:?\s*\|)+\s*$/.test(row);
}

function rulesOf({ has, colors, mentions }: Dialect): Rule[] {
  const rules: Rule[] = [{ pattern: /\n/y, read: () => ({ kind: 'break' }) }];
  if (has.has('code')) rules.push({ pattern: /`([^`\n]+)`/y, read: ([, code]) => ({ kind: 'code', text: code! }) });
  if (has.has('images')) {
    rules.push({
      pattern: /!\[([^\]\n]*)\]\(([^)\s]+)\)/y,
      read: ([, alt, source]) => ({ kind: 'image', alt: alt!, source: source! }),
    });
  }
  rules.push({
    pattern: /\[([^\]\n]*)\]\(([^)\s]+)\)/y,
    read: ([, label, href], inner) => ({ kind: 'link', href: href!, children: inner(label!) }),
  });
  rules.push({
    pattern: /\*\*(?=\S)([^\n]*?[^\s*])\*\*/y,
    read: ([, content], inner) => ({ kind: 'strong', children: inner(content!) }),
  });
  if (has.has('em')) {
    rules.push({
      pattern: /\*(?=[^\s*])([^*\n]*[^\s*])\*/y,
      read: ([, content], inner) => ({ kind: 'em', children: inner(content!) }),
    });
  }
  if (has.has('del')) {
    rules.push({
      pattern: /~~(?=\S)([^\n]*?\S)~~/y,
      read: ([, content], inner) => ({ kind: 'del', children: inner(content!) }),
    });
  }
  if (colors !== undefined) {
    rules.push({
      pattern: /<font\s+color=["']?([#\w-]+)["']?[^>\n]*>([\s\S]*?)<\/font>/y,
      read: ([, color, content], inner) =>
        colors === null || colors.has(color!) ? { kind: 'font', color: color!, children: inner(content!) } : undefined,
    });
  }
  if (mentions) {
    rules.push({
      pattern: mentions,
      read: ([whole, id, name]) => ({ kind: 'mention', text: id === undefined ? whole : `@${name || id}` }),
    });
  }
  if (has.has('entities')) rules.push(entityRule);
  return rules;
}

/** Text that a platform shows as it is, but for its lines and mentions. */
export function parsePlain(source: string, mentions?: RegExp): Block[] {
  const rules: Rule[] = [{ pattern: /\r?\n/y, read: () => ({ kind: 'break' }) }];
  if (mentions) {
    rules.push({
      pattern: mentions,
      read: ([whole, id, name]) => ({ kind: 'mention', text: id === undefined ? whole : `@${name || id}` }),
    });
  }
  return [{ kind: 'paragraph', children: source === '' ? [text('')] : scan(source, rules) }];
}
