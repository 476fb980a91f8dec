/** From zod's issues to faults with JSON pointers, all of them at once. */
import type { z } from 'zod';
import { type FieldError, Problem } from './problem.js';

export function pointer(path: readonly PropertyKey[]): string {
  return path.map((part) => `/${String(part).replaceAll('~', '~0').replaceAll('/', '~1')}`).join('');
}

export function fieldErrors(error: z.ZodError): FieldError[] {
  return error.issues.flatMap((issue) => faultsOf(issue, []));
}

function faultsOf(issue: z.core.$ZodIssue, at: readonly PropertyKey[]): FieldError[] {
  const path = [...at, ...issue.path];
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => ({ path: pointer([...path, key]), message: 'is not known here' }));
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    const closest = [...issue.errors].sort((a, b) => deepest(b) - deepest(a))[0]!;
    return closest.flatMap((inner) => faultsOf(inner, path));
  }
  return [{ path: pointer(path), message: issue.message }];
}

function deepest(issues: readonly { path: readonly PropertyKey[] }[]): number {
  return Math.max(0, ...issues.map(({ path }) => path.length));
}

export function validate<Schema extends z.ZodType>(schema: Schema, value: unknown, at = ''): z.output<Schema> {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const errors = fieldErrors(parsed.error).map((error) => ({ ...error, path: at + error.path }));
  throw new Problem(422, 'What was sent is not valid.', { errors });
}

/** NUL and lone surrogates: PostgreSQL refuses them inside jsonb, and one such row would sink a whole batch (semantics 5). */
export function unstorable(value: unknown, path: readonly PropertyKey[] = []): FieldError[] {
  if (typeof value === 'string') {
    if (value.includes('\u0000')) return [{ path: pointer(path), message: 'holds a NUL character' }];
    if (!value.isWellFormed()) return [{ path: pointer(path), message: 'holds a lone surrogate' }];
    return [];
  }
  if (value === null || typeof value !== 'object') return [];
  return Object.entries(value).flatMap(([key, inner]) => [
    ...unstorable(key, [...path, key]),
    ...unstorable(inner, [...path, key]),
  ]);
}
