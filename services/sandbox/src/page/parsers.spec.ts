import { describe, expect, it } from '@jest/globals';
import { dialects, parseMarkdown, parsePlain } from './markdown.js';
import { parseMrkdwn } from './mrkdwn.js';
import type { Block, Inline } from './tree.js';

/** A short notation for a tree, so that the tables can be read. */
function said(blocks: readonly Block[]): string {
  return blocks.map(block).join(' / ');
}
function block(it: Block): string {
  switch (it.kind) {
    case 'paragraph':
      return inline(it.children);
    case 'heading':
      return `h${it.level}(${inline(it.children)})`;
    case 'quote':
      return `quote(${said(it.children)})`;
    case 'list':
      return it.items
        .map(({ depth, marker, children }) => `${'-'.repeat(depth)}${marker}${inline(children)}`)
        .join(' ');
    case 'code':
      return `pre(${it.text})`;
    case 'rule':
      return 'hr';
    case 'table':
      return it.rows.map((row) => `[${row.map(inline).join('|')}]`).join('');
  }
}
function inline(inlines: readonly Inline[]): string {
  return inlines
    .map((it) => {
      if (it.kind === 'text') return it.text;
      if (it.kind === 'break') return '⏎';
      if (it.kind === 'code' || it.kind === 'mention') return `${it.kind}(${it.text})`;
      if (it.kind === 'image') return `image(${it.alt} ${it.source})`;
      const about = it.kind === 'link' ? `${it.href} ` : it.kind === 'font' ? `${it.color} ` : '';
      return `${it.kind}(${about}${inline(it.children)})`;
    })
    .join('');
}

describe('Markdown as each platform reads it', () => {
  it.each([
    ['dingtalk', '#### Disk **alert**', 'h4(Disk strong(alert))'],
    ['dingtalk', 'one\ntwo  \nthree', 'one two⏎three'],
    [
      'dingtalk',
      '> **host** db-1\n> used 97%\n\n[open](https://e.com)',
      'quote(strong(host) db-1 used 97%) / link(https://e.com open)',
    ],
    ['dingtalk', '- a\n- b *it*\n\n1. x', '•a •b em(it) / 1.x'],
    ['dingtalk', '![c](https://e.com/c.png) @all `code`', 'image(c https://e.com/c.png) mention(@all) `code`'],
    ['dingtalk', '| a | b |', '| a | b |'],
    [
      'wecom',
      '<font color="warning">132</font>\n<font color="red">x</font>',
      'font(warning 132)⏎<font color="red">x</font>',
    ],
    ['wecom', '<@wangqing> `code`\n- no list', 'mention(@wangqing) code(code)⏎- no list'],
    [
      'wecomV2',
      '# T\n- a\n  - b\n\n---\n```\n<b>\n```\n| a | b |\n| :-- | --: |\n| 1 | 2 |',
      'h1(T) / •a -•b / hr / pre(<b>) / [a|b][1|2]',
    ],
    ['wecomV2', '> q1\n>> q2', 'quote(q1 / quote(q2))'],
    ['larkOld', '# no heading ~~del~~', '# no heading del(del)'],
    ['lark', '# heading\n<at id=all></at> <at id=ou_1>Tom</at>', 'h1(heading) / mention(@all) mention(@Tom)'],
    ['lark', '&#42;&#42;b&#42;&#42; &#60;at id=all&#62;&#60;&#47;at&#62; &sim;', '**b** <at id=all></at> ∼'],
    ['lark', '**&#91;x&#93;(y)**', 'strong([x](y))'],
    ['lark', '```\n**raw**', 'pre(**raw**)'],
  ] as const)('%s: %j', (dialect, source, tree) => {
    expect(said(parseMarkdown(source, dialects[dialect]))).toBe(tree);
  });

  it('keeps text as text', () => {
    expect(said(parsePlain('**a**\n<b> @all'))).toBe('**a**⏎<b> @all');
  });

  it.each([
    '*'.repeat(20_000),
    '['.repeat(20_000),
    '> '.repeat(10_000),
    '<font color=red>'.repeat(1_200),
    '_*'.repeat(10_000),
  ])('is done quickly with hostile text', (source) => {
    const before = performance.now();
    parseMarkdown(source, dialects.lark);
    parseMrkdwn(source);
    expect(performance.now() - before).toBeLessThan(2_000);
  });
});

describe('Slack’s mrkdwn', () => {
  it.each([
    ['*bold* _it_ ~del~ `code`', 'strong(bold) em(it) del(del) code(code)'],
    ['snake_case_name 2*3*4', 'snake_case_name 2*3*4'],
    [
      '<https://e.com?a=1&amp;b=2|see> <https://e.com>',
      'link(https://e.com?a=1&b=2 see) link(https://e.com https://e.com)',
    ],
    ['<!here> <@U1> <!subteam^S1|@ops>', 'mention(@here) mention(@U1) mention(@ops)'],
    ['a &lt;!channel&gt; &amp;amp; b', 'a <!channel> &amp; b'],
    ['> quoted\nnot', 'quote(quoted) / not'],
    ['a\nb', 'a⏎b'],
    ['x\n```\n*raw* &lt;\n```\ny', 'x / pre(*raw* <) / y'],
  ])('%j', (source, tree) => {
    expect(said(parseMrkdwn(source))).toBe(tree);
  });
});
