/** What this process reads as its environment: what follows from what is given, and an operator's token made once. */
import { randomBytes } from 'node:crypto';
import { join, resolve } from 'node:path';
import { generatedSecret } from '@herald/platform';
import { type Environment, isEmbedded, isGiven, withEmbeddedDefaults } from './embedded-defaults.js';

const DATA_DIR = './.herald';
const OPERATOR_TOKEN_FILE = 'operator-token';

export interface OwnEnvironment {
  readonly environment: Environment;
  /** Null where the data is on servers. */
  readonly dataDir: string | null;
  /** Null where one was given. */
  readonly operatorToken: { readonly value: string; readonly file: string } | null;
}

export function ownEnvironment(given: Environment): OwnEnvironment {
  const environment = quietOnTerminal(withEmbeddedDefaults(given));
  if (!isEmbedded(environment)) return { environment, dataDir: null, operatorToken: null };
  const dataDir = resolve(environment['HERALD_DATA_DIR'] || DATA_DIR);
  if (isGiven(environment, 'HERALD_BOOTSTRAP_OPERATOR_TOKEN')) return { environment, dataDir, operatorToken: null };
  const token = generatedSecret(dataDir, OPERATOR_TOKEN_FILE, () => randomBytes(24).toString('base64url'));
  return {
    environment: { ...environment, HERALD_BOOTSTRAP_OPERATOR_TOKEN: token.value },
    dataDir,
    operatorToken: { value: token.value, file: join(dataDir, OPERATOR_TOKEN_FILE) },
  };
}

/** True the first time that a start got so far as to tell it, whatever became of earlier ones. */
export function isFirstTelling(dataDir: string): boolean {
  return generatedSecret(dataDir, `${OPERATOR_TOKEN_FILE}-told`, () => new Date().toISOString()).isNew;
}

/** People read the welcome; what goes wrong is still told. */
function quietOnTerminal(environment: Environment): Environment {
  if (!process.stdout.isTTY || environment['LOG_LEVEL'] || environment['LOG_FORMAT']) return environment;
  return { ...environment, LOG_LEVEL: 'warn' };
}
