import { type Locale, locales } from '@herald/contracts';

/** The first language of an Accept-Language header that Herald speaks, by the header's own order. */
export function preferredLocale(accepts: string | undefined): Locale | null {
  for (const range of (accepts ?? '').toLowerCase().split(',')) {
    const language = range.trim().slice(0, 2);
    const locale = locales.find((known) => known.slice(0, 2) === language);
    if (locale) return locale;
  }
  return null;
}
