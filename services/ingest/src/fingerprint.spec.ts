import { describe, expect, it } from '@jest/globals';
import { canonical, canonicalBody, fingerprint } from './fingerprint.js';

const of = (json: string) => fingerprint(canonicalBody(JSON.parse(json)));

describe('the fingerprint of a body', () => {
  it.each([
    ['keys in another order', '{"a":1,"b":{"c":2,"d":3}}', '{"b":{"d":3,"c":2},"a":1}'],
    ['other white space', '{"a":1,"b":[1,2]}', '{ "a" : 1,\n "b": [1, 2] }'],
    ['escapes of the same text', '{"a":"\\u00e9/"}', '{"a":"é\\/"}'],
    ['another id', '{"id":"1","a":1}', '{"a":1,"id":"2"}'],
    ['no id', '{"id":"1","a":1}', '{"a":1}'],
    ['the same number written otherwise', '{"a":1.0}', '{"a":1}'],
  ])('2: is the same with %s', (_, one, other) => {
    expect(of(one)).toBe(of(other));
  });

  it.each([
    ['a default filled in', '{"a":1}', '{"a":1,"severity":"info"}'],
    ['an absent key given as null', '{"a":1}', '{"a":1,"b":null}'],
    ['a list in another order', '{"a":[1,2]}', '{"a":[2,1]}'],
    ['a number as text', '{"a":1}', '{"a":"1"}'],
    ['an id further inside', '{"a":{"id":"1"}}', '{"a":{"id":"2"}}'],
    ['keys and values that run together otherwise', '{"a":"b\\",\\"c"}', '{"a":"b","c":""}'],
    ['an empty list for an empty object', '{"a":[]}', '{"a":{}}'],
  ])('2: differs with %s', (_, one, other) => {
    expect(of(one)).not.toBe(of(other));
  });

  it('2: stays what it was: a new version must not make an honest repeat differ', () => {
    const body = {
      id: 'x',
      title: 'Bill "1" – 账单',
      n: -0.5,
      labels: { b: '2', a: '1', '10': '' },
      list: [true, null, { z: 1, y: [] }],
    };
    expect(canonicalBody(body)).toBe(
      '{"labels":{"10":"","a":"1","b":"2"},"list":[true,null,{"y":[],"z":1}],"n":-0.5,"title":"Bill \\"1\\" – 账单"}',
    );
    expect(fingerprint('{"a":1}')).toBe('015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862');
  });

  it('is valid JSON whatever the keys', () => {
    const value = { '"': 1, '\\': { '\n': '\u2028' }, constructor: 1 };
    expect(JSON.parse(canonical(value))).toEqual(value);
  });
});
