/** The language of Accept-Language that Herald has, the most wanted first. RFC 9110, 12.5.4. Pure. */
import { type Locale, locales } from '@herald/contracts';

/** Undefined where the header has no opinion: nothing of ours, or anything at all. */
export function acceptedLocale(header: string | undefined): Locale | undefined {
  const ranges = (header ?? '')
    .split(',')
    .map(rangeOf)
    .filter(({ weight }) => weight > 0);
  const [wanted] = ranges.sort((a, b) => b.weight - a.weight).filter(({ range }) => range === '*' || localeFor(range));
  return wanted && localeFor(wanted.range);
}

function rangeOf(text: string): { range: string; weight: number } {
  const [range = '', ...parameters] = text.split(';').map((part) => part.trim().toLowerCase());
  const q = parameters.find((parameter) => parameter.startsWith('q='))?.slice('q='.length);
  const weight = q === undefined ? 1 : Number(q);
  return { range, weight: weight >= 0 && weight <= 1 ? weight : 0 };
}

/** `zh`, `zh-TW` and `zh-Hans-CN` are read in the Chinese there is. */
function localeFor(range: string): Locale | undefined {
  const [language] = range.split('-');
  return (
    locales.find((locale) => locale.toLowerCase() === range) ??
    locales.find((locale) => locale.slice(0, 2) === language)
  );
}
