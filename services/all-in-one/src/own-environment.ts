/** What this process reads as its environment: the defaults of one process, and an operator's token made once. */
import { randomBytes } from 'node:crypto';
import { generatedSecret } from '@herald/platform';
import { type Environment, isEmbedded, isGiven, withEmbeddedDefaults } from './embedded-defaults.js';

export const OPERATOR_TOKEN_FILE = 'operator-token';
const DATA_DIR = './.herald';

/** The token is told by whoever starts the process, where it `isNew`. */
export interface OwnEnvironment {
  readonly environment: Environment;
  /** Null where the token was given. */
  readonly operatorToken: { readonly value: string; readonly isNew: boolean } | null;
}

export function ownEnvironment(given: Environment): OwnEnvironment {
  const environment = withEmbeddedDefaults(given);
  if (!isEmbedded(environment) || isGiven(environment, 'HERALD_BOOTSTRAP_OPERATOR_TOKEN')) {
    return { environment, operatorToken: null };
  }
  const dataDir = environment['HERALD_DATA_DIR'] || DATA_DIR;
  const operatorToken = generatedSecret(dataDir, OPERATOR_TOKEN_FILE, () => randomBytes(24).toString('base64url'));
  return { environment: { ...environment, HERALD_BOOTSTRAP_OPERATOR_TOKEN: operatorToken.value }, operatorToken };
}
