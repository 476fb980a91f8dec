/** What an event says, once per event; deliveries refer to it (architecture, semantics 7 of the ideas). */
import { z } from 'zod';

export const locales = ['zh-CN', 'en-US'] as const;
export type Locale = (typeof locales)[number];

export const linkSchema = z.strictObject({ label: z.string(), href: z.string() });
export type Link = z.infer<typeof linkSchema>;

export const textSchema = z.object({ title: z.string(), body: z.string() });
/** `body` is the Markdown subset of api.md. */
export type Text = z.infer<typeof textSchema>;

export const contentSchema = z.object({
  locale: z.enum(locales),
  title: z.string(),
  body: z.string(),
  translations: z.partialRecord(z.enum(locales), textSchema).default({}),
  links: z.array(linkSchema).default([]),
  product: z.string().nullable().default(null),
  region: z.string().nullable().default(null),
  resourceIds: z.array(z.string()).default([]),
  labels: z.record(z.string(), z.string()).default({}),
  dedupKey: z.string().nullable().default(null),
});
export type Content = z.infer<typeof contentSchema>;

/** Title and body in the reader's language where the producer gave it, else in the event's own. */
export function textIn(content: Content, locale: Locale): Text & { locale: Locale } {
  if (content.locale !== locale) {
    const translated = content.translations[locale];
    if (translated) return { locale, title: translated.title, body: translated.body };
  }
  return { locale: content.locale, title: content.title, body: content.body };
}
