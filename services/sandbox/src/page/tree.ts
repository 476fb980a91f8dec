/** What the platforms' texts say, before it is drawn. Every leaf is text; nothing in it is ever read as markup again. */
export type Inline =
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'break' }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'mention'; readonly text: string }
  | { readonly kind: 'image'; readonly alt: string; readonly source: string }
  | { readonly kind: 'strong' | 'em' | 'del'; readonly children: readonly Inline[] }
  | { readonly kind: 'link'; readonly href: string; readonly children: readonly Inline[] }
  | { readonly kind: 'font'; readonly color: string; readonly children: readonly Inline[] };

export interface ListItem {
  readonly depth: number;
  /** `•` or `1.` */
  readonly marker: string;
  readonly children: readonly Inline[];
}

export type Block =
  | { readonly kind: 'paragraph'; readonly children: readonly Inline[] }
  | { readonly kind: 'heading'; readonly level: number; readonly children: readonly Inline[] }
  | { readonly kind: 'quote'; readonly children: readonly Block[] }
  | { readonly kind: 'list'; readonly items: readonly ListItem[] }
  | { readonly kind: 'code'; readonly text: string }
  | { readonly kind: 'rule' }
  | { readonly kind: 'table'; readonly rows: readonly (readonly (readonly Inline[])[])[] };

export const text = (value: string): Inline => ({ kind: 'text', text: value });

/** Neighbouring texts become one. */
export function joined(inlines: readonly Inline[]): Inline[] {
  const result: Inline[] = [];
  for (const inline of inlines) {
    const last = result.at(-1);
    if (inline.kind === 'text' && last?.kind === 'text') result[result.length - 1] = text(last.text + inline.text);
    else result.push(inline);
  }
  return result;
}
