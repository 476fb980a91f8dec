/** `docs/configuration.md` and `.env.example`, from the sections that the processes read: a variable is described once. */
import { channelWorkerConfig } from '@herald/channel-worker';
import { type ConfigSection, platformConfig } from '@herald/platform';
import { sandboxConfig } from '@herald/sandbox';

export const sections: readonly ConfigSection[] = [platformConfig, channelWorkerConfig, sandboxConfig];

interface Variable {
  readonly name: string;
  readonly fallback: string | undefined;
  readonly description: string;
}

type Schema = ConfigSection['schema']['shape'][string];

/** The default as one would write it into the environment: what a schema says before it transforms. */
function fallbackOf(schema: Schema): string | undefined {
  const def = schema._zod.def as { type: string; in?: Schema; defaultValue?: unknown };
  if (def.type === 'pipe') return fallbackOf(def.in!);
  if (def.type !== 'default') return undefined;
  return def.defaultValue === '' ? undefined : String(def.defaultValue);
}

export function variablesOf({ schema, title }: ConfigSection): readonly Variable[] {
  return Object.entries(schema.shape).map(([name, value]) => {
    const { description } = value as { description?: string };
    if (!description) throw new Error(`${name} (${title}) has no description: end its schema with .describe('…')`);
    return { name, fallback: fallbackOf(value), description };
  });
}

const intro = `# Configuration

Environment variables, read once at start. Everything has a default that works for \`npm start\`. For each variable \`X\`, \`X_FILE\` may name a file
that holds its value, for mounted secrets; an empty variable counts as unset. A value that can't be used is named with what is
expected, all of them together, and the process exits with 1 before anything connects.

This page and \`.env.example\` are written by \`npm run docs:config\`; change the description beside the variable instead.
`;

export function configurationPage(): string {
  const tables = sections.map((section) => {
    const rows = variablesOf(section).map(
      ({ name, fallback, description }) =>
        `| \`${name}\` | ${fallback === undefined ? '' : `\`${fallback}\``} | ${description.replaceAll('|', '\\|')} |`,
    );
    return `## ${section.title}\n\n| variable | default | what |\n| --- | --- | --- |\n${rows.join('\n')}\n`;
  });
  return [intro, ...tables].join('\n');
}

export function environmentExample(): string {
  const parts = sections.map((section) => {
    const lines = variablesOf(section).map(
      ({ name, fallback, description }) => `# ${description}\n#${name}=${fallback ?? ''}\n`,
    );
    return `## ${section.title}\n\n${lines.join('\n')}`;
  });
  return `# Every variable with its default; docs/configuration.md says more. Written by npm run docs:config.\n\n${parts.join('\n')}`;
}

/** Paths from the root of the repository, and what belongs there. */
export const written: Readonly<Record<string, () => string>> = {
  'docs/configuration.md': configurationPage,
  '.env.example': environmentExample,
};
