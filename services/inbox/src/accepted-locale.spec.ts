import { describe, expect, it } from '@jest/globals';
import { acceptedLocale } from './accepted-locale.js';

describe('the language of Accept-Language', () => {
  it.each([
    [undefined, undefined],
    ['', undefined],
    ['en-US', 'en-US'],
    ['zh-CN,zh;q=0.9,en;q=0.8', 'zh-CN'],
    ['zh;q=0.2, en;q=0.8', 'en-US'],
    ['en;q=0.2,zh-TW;q=0.8', 'zh-CN'],
    ['zh-Hans-CN', 'zh-CN'],
    ['EN-gb', 'en-US'],
    ['fr, de;q=0.9, en;q=0.1', 'en-US'],
    ['fr, de', undefined],
    ['*', undefined],
    ['*, en;q=0.5', undefined],
    ['fr, *;q=0.5, en;q=0.4', undefined],
    ['en;q=0, zh;q=0.1', 'zh-CN'],
    ['en;q=0', undefined],
    ['zh, en', 'zh-CN'],
    ['en, zh', 'en-US'],
    ['enormous', undefined],
    ['en;q=high', undefined],
    [';;,,q=', undefined],
  ])('%s is %s', (header, locale) => {
    expect(acceptedLocale(header)).toBe(locale);
  });
});
