/**
 * One call of the HTTP API, declared once: the same object validates, guards, documents (OpenAPI 3.1) and types clients.
 */
import { z } from 'zod';

/** Who may call. `read` and `full` are the policies of sub-users; the owner has both. */
export type Permission = 'public' | 'producer' | 'signed-in' | 'read' | 'full' | 'owner' | 'operator';

export interface Operation<
  Params extends z.ZodType = z.ZodType,
  Query extends z.ZodType = z.ZodType,
  Body extends z.ZodType = z.ZodType,
> {
  readonly id: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** With `:name` for parameters. */
  readonly path: string;
  readonly tag: string;
  readonly summary: string;
  readonly permission: Permission;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** Of the answer when all went well. */
  readonly status: number;
  readonly answers: Readonly<Record<number, z.ZodType | null>>;
  /** Bytes; larger bodies are 413. */
  readonly bodyLimit?: number;
  /** Content types besides application/json that the call takes. */
  readonly contentTypes?: readonly string[];
}

const nothing = z.strictObject({});
const noBody = z.undefined();

type Given<P, Q, B> = Omit<Operation, 'params' | 'query' | 'body' | 'status'> & {
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  readonly status?: number;
};

export function operation<
  P extends z.ZodType = typeof nothing,
  Q extends z.ZodType = typeof nothing,
  B extends z.ZodType = typeof noBody,
>(given: Given<P, Q, B>): Operation<P, Q, B> {
  const usual = given.method === 'DELETE' ? 204 : 200;
  return {
    ...given,
    params: (given.params ?? nothing) as P,
    query: (given.query ?? nothing) as Q,
    body: (given.body ?? noBody) as B,
    status: given.status ?? usual,
  };
}

/** What a handler of the operation receives. */
export interface InputOf<O extends Operation> {
  readonly params: z.output<O['params']>;
  readonly query: z.output<O['query']>;
  readonly body: z.output<O['body']>;
}

export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(100).default(20),
  cursor: z.string().max(500).optional(),
};

export const pageOf = <Item extends z.ZodType>(item: Item) =>
  z.object({ items: z.array(item), nextCursor: z.string().nullable() });

export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number(),
  detail: z.string().optional(),
  errors: z.array(z.object({ path: z.string().describe('A JSON pointer'), message: z.string() })).optional(),
});
export type ProblemBody = z.infer<typeof problemSchema>;

/** Code points, as people count. */
export const text = (min: number, max: number) =>
  z.string().superRefine((value, context) => {
    if (value.length <= max && value.length >= min && min <= 1) return;
    const length = [...value].length;
    if (length < min) context.addIssue({ code: 'custom', message: `expected at least ${min} characters` });
    if (length > max)
      context.addIssue({ code: 'custom', message: `expected at most ${max} characters, got ${length}` });
  });

export const uuid = () => z.uuid();
/** Between the years 1 and 9999, in UTC as well: PostgreSQL takes no others as we write them. */
export const instant = () =>
  z.iso
    .datetime({ offset: true, error: 'expected a time such as 2026-11-23T08:00:00Z' })
    .refine((value) => !isOutOfRange(new Date(value).getUTCFullYear()), 'expected a time between the years 1 and 9999');

function isOutOfRange(year: number): boolean {
  return year < 1 || year > 9999;
}
