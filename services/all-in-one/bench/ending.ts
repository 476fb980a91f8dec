/** What has to be undone when a run is interrupted, the latest first: processes, databases, topics, folders. */
const undo: (() => Promise<unknown>)[] = [];

/** Calls it on SIGINT or SIGTERM, before this process ends; the answer takes it back. */
export function endOnSignal(work: () => Promise<unknown>): () => void {
  if (undo.length === 0) for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => void endAll());
  undo.push(work);
  return () => {
    const place = undo.indexOf(work);
    if (place >= 0) undo.splice(place, 1, async () => {});
  };
}

async function endAll(): Promise<void> {
  console.error('interrupted: ending what was started');
  for (const work of undo.reverse()) await work().catch((error) => console.error(String(error)));
  process.exit(130);
}
