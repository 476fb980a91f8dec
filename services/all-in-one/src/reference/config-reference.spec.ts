import { globSync, readFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { describe, expect, it } from '@jest/globals';
import { sections, variablesOf, written } from './config-reference.js';

const root = resolve(import.meta.dirname, '../../../..');

describe('the configuration reference', () => {
  it.each(Object.keys(written))('%s is what `npm run docs:config` writes', (path) => {
    expect(readFileSync(`${root}/${path}`, 'utf8')).toBe(written[path]!());
  });

  it('knows every section that there is', () => {
    const titles = globSync('{libs,services}/*/src/**/*.ts', {
      cwd: root,
      exclude: (path) => path.endsWith('.spec.ts'),
    })
      .flatMap((path) => [...readFileSync(`${root}/${path}`, 'utf8').matchAll(/= configSection\('([^']+)'/g)])
      .map(([, title]) => title);
    expect(sections.map(({ title }) => title).sort()).toEqual(titles.sort());
  });

  it('has the defaults that a process starts with', () => {
    const variables = new Map(sections.flatMap(variablesOf).map((each) => [each.name, each.fallback]));
    expect(variables.get('HERALD_KAFKA_PARTITIONS')).toBe('12');
    expect(variables.get('HERALD_PUBLIC_URL')).toBe('http://localhost:3000');
    expect(variables.get('HERALD_ATTEMPT_TIMEOUT')).toBe('10s');
    expect(variables.get('HERALD_DATABASE_URL')).toBeUndefined();
  });
});
