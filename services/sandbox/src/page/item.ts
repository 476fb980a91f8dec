/** What the sandbox tells the page; bodies are whatever was posted, so nothing about their shape is taken for granted. */

export type Side = 'dingtalk' | 'wecom' | 'lark' | 'slack' | 'webhook' | 'mail';

export interface Item {
  readonly id: number;
  readonly platform: Side;
  readonly at: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: unknown;
  readonly answer: { readonly status: number; readonly body: unknown } | null;
  readonly accepted: boolean;
  readonly robot: string | null;
  readonly fault: string | null;
}

export interface KnownRobot {
  readonly platform: Side;
  readonly token: string;
  readonly name: string;
  readonly signed: boolean;
  readonly url: string;
}

export interface Fault {
  readonly id: string;
  readonly kind: string;
  readonly platform?: Side;
  readonly [detail: string]: unknown;
}

export type Fields = Readonly<Record<string, unknown>>;

export function fieldsOf(value: unknown): Fields {
  return value !== null && typeof value === 'object' && !Array.isArray(value) ? (value as Fields) : {};
}

export function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function textOf(value: unknown): string {
  return typeof value === 'string' ? value : '';
}
