/** A deadline of our own for a question that somebody waits for: a server that hangs must not hold its callers. */

/** The database hasn't answered in time: "not now". */
export class DatabaseSilent extends Error {
  override readonly name = 'DatabaseSilent';
}

/** The answer, or DatabaseSilent. What comes later is dropped. */
export async function answeredWithin<Answer>(ms: number, answer: Promise<Answer>): Promise<Answer> {
  let late: NodeJS.Timeout | undefined;
  try {
    return await Promise.race([
      answer,
      new Promise<never>((_, reject) => {
        late = setTimeout(() => reject(new DatabaseSilent(`no answer within ${ms} ms`)), ms);
      }),
    ]);
  } finally {
    clearTimeout(late);
  }
}
