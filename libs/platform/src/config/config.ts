/**
 * Environment variables, read once, in one place. A section is a zod object whose keys are variable names; a service
 * names the sections it needs, and all faults of all sections are told together, before anything connects.
 */
import { readFileSync } from 'node:fs';
import { z } from 'zod';

export class ConfigSection<Values extends object = object> {
  constructor(
    readonly title: string,
    readonly schema: z.ZodObject<z.ZodRawShape>,
  ) {}
  /** Only for the type of what `Config.get` answers. */
  declare readonly values: Values;
}

export function configSection<Shape extends z.ZodRawShape>(
  title: string,
  shape: Shape,
): ConfigSection<z.infer<z.ZodObject<Shape>>> {
  return new ConfigSection(title, z.object(shape) as z.ZodObject<z.ZodRawShape>);
}

/** Every fault with the variable's name and what is expected; never a value, which may be a secret. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError';
  constructor(readonly faults: readonly string[]) {
    super(`The configuration is not usable:\n${faults.map((fault) => `  ${fault}`).join('\n')}`);
  }
}

export class Config {
  private constructor(private readonly sections: ReadonlyMap<ConfigSection, object>) {}

  static read(sections: readonly ConfigSection[], environment: NodeJS.ProcessEnv): Config {
    const { values, faults } = withFiles(environment);
    const read = new Map<ConfigSection, object>();
    for (const section of sections) {
      const parsed = section.schema.safeParse(values);
      if (parsed.success) read.set(section, parsed.data);
      else for (const issue of parsed.error.issues) faults.push(`${issue.path.join('.')}: ${issue.message}`);
    }
    if (faults.length > 0) throw new ConfigError([...new Set(faults)]);
    return new Config(read);
  }

  get<Values extends object>(section: ConfigSection<Values>): Values {
    const values = this.sections.get(section);
    if (!values) throw new Error(`the configuration section "${section.title}" was not read at start-up`);
    return values as Values;
  }
}

/** `X_FILE` names a file that holds the value of `X`; an empty variable counts as unset. */
function withFiles(environment: NodeJS.ProcessEnv): { values: Record<string, string>; faults: string[] } {
  const values: Record<string, string> = {};
  const faults: string[] = [];
  for (const [name, value] of Object.entries(environment)) {
    if (!value) continue;
    values[name] = value;
  }
  for (const [name, path] of Object.entries(values)) {
    if (!name.endsWith('_FILE') || !(name.startsWith('HERALD_') || name.startsWith('LOG_'))) continue;
    const target = name.slice(0, -'_FILE'.length);
    if (environment[target]) {
      faults.push(`${target}: given twice, as a value and by ${name}; leave one out`);
      continue;
    }
    try {
      values[target] = readFileSync(path, 'utf8').trimEnd();
    } catch (error) {
      faults.push(`${name}: the file can't be read (${(error as NodeJS.ErrnoException).code})`);
    }
  }
  return { values, faults };
}

const UNITS: Record<string, number> = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 };

/** `500ms`, `5s`, `2m`, `1h`, `7d` → milliseconds. */
export function parseDuration(text: string): number | null {
  const match = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text.trim());
  return match ? Number(match[1]) * (UNITS[match[2]!] ?? Number.NaN) : null;
}

/** A duration variable; its value is milliseconds. */
export const duration = (fallback: string) =>
  z
    .string()
    .default(fallback)
    .transform((text, context) => {
      const ms = parseDuration(text);
      if (ms === null) {
        context.addIssue({ code: 'custom', message: `expected a duration such as 500ms, 5s, 2m or 1h` });
        return z.NEVER;
      }
      return ms;
    });

/** A list of durations such as `5s,30s,2m`; its value is milliseconds. */
export const durations = () =>
  z
    .string()
    .optional()
    .transform((text, context) => {
      if (text === undefined) return undefined;
      const all = text.split(',').map(parseDuration);
      if (all.includes(null)) {
        context.addIssue({ code: 'custom', message: `expected durations such as 5s,30s,2m` });
        return z.NEVER;
      }
      return all as number[];
    });

export const flag = () =>
  z
    .enum(['true', 'false'], { error: 'expected true or false' })
    .optional()
    .transform((text) => (text === undefined ? undefined : text === 'true'));

export const port = (fallback?: number) => {
  const number = z.coerce
    .number({ error: 'expected a port number' })
    .int()
    .min(0, 'expected a port number')
    .max(65_535, 'expected a port number');
  return fallback === undefined ? number.optional() : number.default(fallback);
};

export const wholeNumber = (fallback: number, min: number, max: number) => {
  const expected = `expected a whole number from ${min} to ${max}`;
  return z.coerce.number({ error: expected }).int(expected).min(min, expected).max(max, expected).default(fallback);
};

/** A comma-separated list. */
export const list = () =>
  z
    .string()
    .default('')
    .transform((text) =>
      text
        .split(',')
        .map((item) => item.trim())
        .filter((item) => item !== ''),
    );
