import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { toHtml, toPlainText } from './markdown.js';
import { asIs, cleaned, cutEscaped, fitLines, oneLine } from './text.js';

const vectors = JSON.parse(readFileSync(new URL('../fixtures/channel-vectors.json', import.meta.url), 'utf8'));

interface Vector {
  readonly input: string;
  readonly max_bytes: number;
  readonly expected: string;
  readonly expected_bytes: number;
}

describe('cutting', () => {
  it.each(vectors.utf8_truncation.vectors as Vector[])('$input at $max_bytes bytes', (vector) => {
    const { text, isCut } = cutEscaped(vector.input, vector.max_bytes, asIs);
    expect(text).toBe(vector.expected);
    expect(Buffer.byteLength(text)).toBe(vector.expected_bytes);
    expect(isCut).toBe(text !== vector.input);
  });

  it('knows every kind of published vector', () => {
    // A kind that is added needs a test: this one, or the channel's own.
    const kinds = ['dingtalk', 'lark', 'standard_webhooks', 'utf8_truncation', 'slack_escape', 'lark_markdown_escape'];
    expect(Object.keys(vectors).filter((kind) => !kind.startsWith('_'))).toEqual(kinds);
  });

  it('leaves no half of a character and no half of an escape', () => {
    const text = '👩‍👩‍👧é<&磁'.repeat(20);
    const escaped = (part: string) => part.replace(/&/g, '&amp;').replace(/</g, '&lt;');
    for (let room = 0; room < 200; room += 1) {
      const cut = cutEscaped(text, room, escaped);
      expect(Buffer.byteLength(cut.text)).toBeLessThanOrEqual(room);
      const shown = cut.text.replace(/…$/, '').replace(/&lt;/g, '<').replace(/&amp;/g, '&');
      expect(text.startsWith(shown)).toBe(true);
      expect(shown.replaceAll('👩‍👩‍👧', '').replaceAll('é', '')).toMatch(/^[<&磁]*$/);
    }
  });

  it('takes lines while they fit', () => {
    expect(fitLines(['aa', 'bb', 'c'], 4, (line) => line.length)).toEqual(['aa', 'bb']);
  });
});

describe('cleaning', () => {
  it('leaves what people see', () => {
    expect(cleaned('a\r\nb\rc\u2028d\te\u0000f\u202Eg\u2066h\uD800')).toBe('a\nb\nc\nd\tefgh\uFFFD');
    expect(oneLine(' a\n\tb \u0007 ')).toBe('a b');
  });
});

describe('Markdown', () => {
  it.each([
    ['plain lines\nof text', 'plain lines\nof text', 'plain lines<br>of text'],
    ['  one  \n\n\n two\r\n\r\nthree ', 'one\n\ntwo\n\nthree', 'one<br><br>two<br><br>three'],
    ['**b** *i* `c`', 'b i c', '<strong>b</strong> <em>i</em> <code>c</code>'],
    ['# T\n\n> q', 'T\n\n> q', '<h3>T</h3><br><br><blockquote>q</blockquote>'],
    [
      '[a](https://e.com)',
      'a (https://e.com/)',
      '<a href="https://e.com/" rel="noopener noreferrer nofollow" target="_blank">a</a>',
    ],
    [
      '<https://e.com/>',
      'https://e.com/',
      '<a href="https://e.com/" rel="noopener noreferrer nofollow" target="_blank">https://e.com/</a>',
    ],
    [
      '![alt](https://e.com/i.png)',
      'alt (https://e.com/i.png)',
      '<a href="https://e.com/i.png" rel="noopener noreferrer nofollow" target="_blank">alt</a>',
    ],
    ['[a](javascript:x)', '[a](javascript:x)', '[a](javascript:x)'],
    ['<b>x</b> &lt;', '<b>x</b> <', '&#60;b&#62;x&#60;/b&#62; &#60;'],
    ['3. a\n4. b', '3. a\n4. b', '<p style="margin:0 0 0 1em">3. a</p><br><p style="margin:0 0 0 1em">4. b</p>'],
    ['- a\n  - b', '- a\n  - b', '<p style="margin:0 0 0 1em">• a</p><br><p style="margin:0 0 0 2em">• b</p>'],
    ['a  \nb', 'a\nb', 'a<br>b'],
    ['---', '', ''],
  ])('%j', (body, plain, html) => {
    expect(toPlainText(body)).toBe(plain);
    expect(toHtml(body)).toBe(html);
  });

  it('reads text without any markup as the parser would', () => {
    const bodies = [
      'a',
      ' a\nb ',
      'a\n\n\nb',
      'a\n \nb',
      '你好，世界！\n第二行',
      'a - b 1. c',
      'x@y.z (1) "q" \'r\' $5 100% a:b;c?',
      'a\tb',
    ];
    // A trailing comment of the parser's own makes it take the long way.
    for (const body of bodies) expect(toPlainText(`${body}\n\n\\#`)).toBe(`${toPlainText(body)}\n\n#`);
  });

  it('loses nothing of a body made to be slow, however long', () => {
    const long = '**a*'.repeat(70_000);
    expect(toPlainText(long).length).toBeGreaterThan(long.length / 2);
    expect(toPlainText(`${'x '.repeat(100_000)}*end*`)).toContain('end');
  });
});
