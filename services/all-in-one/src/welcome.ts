/** What a newcomer is told when Herald has started: where to look, and what to paste. Pure. */

export interface Welcome {
  /** Where this process listens. */
  readonly url: string;
  /** Null where it doesn't run. */
  readonly sandbox: { readonly url: string; readonly mailUrl: string } | null;
  /** Null where the data is elsewhere. */
  readonly dataDir: string | null;
  readonly operator: { readonly token: string | null; readonly file: string | null };
  /** The demonstration's API key. */
  readonly apiKey: string | null;
}

export const demoEvent = {
  accountId: 'demo',
  subtype: 'sec_account_security',
  locale: 'en-US',
  title: 'Unusual sign-in',
  body: '**root** signed in from a new place: Reykjavík, 203.0.113.7.',
};

export function welcome({ url, sandbox, dataDir, operator, apiKey }: Welcome): string {
  const rows: [string, string][] = [
    ['API', `${url}   (reference: ${url}/docs)`],
    ...(sandbox
      ? ([['Sandbox', `${sandbox.url}   what the chats, the mailbox and the webhook received`]] as [string, string][])
      : []),
    ...(dataDir ? ([['Data', dataDir]] as [string, string][]) : []),
    ...(operator.token
      ? ([['Operator', `${operator.token}   (token, shown this once; kept in ${operator.file})`]] as [string, string][])
      : []),
    ...(apiKey ? ([['API key', `${apiKey}   (of the demo’s producer)`]] as [string, string][]) : []),
  ];
  const width = Math.max(...rows.map(([name]) => name.length)) + 2;
  const parts = ['Herald is ready.', rows.map(([name, value]) => `  ${name.padEnd(width)}${value}`).join('\n')];
  if (apiKey) parts.push(`Post an event:\n\n${indented(postCommand(url, apiKey))}`);
  if (apiKey && sandbox)
    parts.push(`It shows at ${sandbox.url} at once: five chats and two mailboxes. Read the inbox:`);
  else if (apiKey) parts.push('Read the inbox:');
  if (apiKey) parts.push(indented(inboxCommand(url, operator.file)));
  return `\n${parts.join('\n\n')}\n`;
}

export function postCommand(url: string, apiKey: string): string {
  return [
    `curl -X POST ${url}/v1/events \\`,
    `  -H 'Authorization: Bearer ${apiKey}' -H 'Content-Type: application/json' \\`,
    `  -d '${JSON.stringify(demoEvent)}'`,
  ].join('\n');
}

/** The token stays out of it where a file holds it, so that every start can print the same. */
function inboxCommand(url: string, tokenFile: string | null): string {
  const token = tokenFile ? `$(cat '${tokenFile}')` : '$HERALD_BOOTSTRAP_OPERATOR_TOKEN';
  return [
    `curl ${url}/v1/messages -H 'x-herald-account: ${demoEvent.accountId}' \\`,
    `  -H "Authorization: Bearer ${token}"`,
  ].join('\n');
}

const indented = (text: string) => text.replace(/^/gm, '  ');
