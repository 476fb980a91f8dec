/** Makes elements. Whatever is shown goes in as text; there is no way here to make markup from a string. */

export type Child = Node | string | number | null | undefined | false;
type Attributes = Readonly<Record<string, string | number | boolean | undefined | ((event: Event) => void)>>;

/** `onclick` and the like take functions; false and undefined leave an attribute out. */
export function el<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (value !== false && value !== undefined) element.setAttribute(name, String(value));
  }
  for (const child of children) {
    if (child !== null && child !== undefined && child !== false)
      element.append(child instanceof Node ? child : String(child));
  }
  return element;
}

/** Only where it leads somewhere harmless; else its label alone. */
export function link(href: string, attributes: Attributes, ...children: Child[]): HTMLElement {
  const isSafe = URL.canParse(href) && ['http:', 'https:', 'mailto:'].includes(new URL(href).protocol);
  if (!isSafe) return el('span', { ...attributes, title: href }, ...children);
  return el('a', { ...attributes, href, target: '_blank', rel: 'noopener noreferrer', title: href }, ...children);
}
