import { describe, expect, it } from '@jest/globals';
import { maskUrl } from './mask-url.js';

describe('a secret address', () => {
  it.each([
    ['https://oapi.dingtalk.com/robot/send?access_token=0123456789abcdef', 'https://oapi.dingtalk.com/…cdef'],
    ['https://user:pass@example.com:8443/hooks/0123456789', 'https://example.com:8443/…6789'],
    ['https://example.com/short', 'https://example.com/…'],
  ])('%s is shown by its host and its last 4 characters, where those are not most of it', (url, shown) => {
    expect(maskUrl(url)).toBe(shown);
  });
});
