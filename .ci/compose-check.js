/** One event through the gateway of a running docker-compose.yml: into the inbox, to a custom webhook and by e-mail. */
import { randomBytes } from 'node:crypto';

const [url, sandboxUrl] = process.argv.slice(2);
const token = process.env.HERALD_BOOTSTRAP_OPERATOR_TOKEN;
const mark = randomBytes(6).toString('hex');

async function call(status, path, { method, body, key = token, account } = {}) {
  const answer = await fetch(path.startsWith('/') ? url + path : path, {
    method: method ?? (body ? 'POST' : 'GET'),
    headers: {
      authorization: `Bearer ${key}`,
      ...(body ? { 'content-type': 'application/json' } : {}),
      ...(account ? { 'x-herald-account': account } : {}),
    },
    body: body && JSON.stringify(body),
    signal: AbortSignal.timeout(20_000),
  });
  const text = await answer.text();
  if (answer.status !== status) throw new Error(`${path}: expected ${status}, got ${answer.status}: ${text}`);
  return /json/.test(answer.headers.get('content-type') ?? '') ? JSON.parse(text) : text;
}

async function until(what, condition) {
  const deadline = Date.now() + 60_000;
  for (;;) {
    const found = await condition();
    if (found) return found;
    if (Date.now() > deadline) throw new Error(`waited 60 s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 250));
  }
}

const account = `check-${mark}`;
const owner = { email: `${mark}@example.com`, name: 'Olive Owner' };
await call(201, '/v1/ops/accounts', { body: { id: account, name: 'Check', owner } });
const producer = await call(201, '/v1/ops/producers', { body: { name: 'check', categories: ['*'] } });
const { key } = await call(201, `/v1/ops/producers/${producer.id}/keys`, { body: {} });
const webhook = await call(201, '/v1/webhooks', {
  account,
  body: { name: 'ours', platform: 'webhook', url: `http://sandbox:3010/webhook/${mark}` },
});
const { revision } = await call(200, '/v1/subscriptions/svc_bill', { account });
const setting = { channels: { webhook: 1, email: 1 }, webhookIds: [webhook.id], revision };
await call(200, '/v1/subscriptions/svc_bill', { account, method: 'PUT', body: setting });

const event = {
  accountId: account,
  subtype: 'svc_bill',
  title: `Bill ${mark}`,
  body: 'It is **ready**.',
  locale: 'en-US',
};
const { eventId } = await call(202, '/v1/events', { key, body: event });
const deliveries = await until('both deliveries', async () => {
  const { items } = await call(200, `/v1/ops/deliveries?eventId=${eventId}`);
  return items.filter(({ status }) => status === 'delivered').length === 2 && items;
});
const channels = deliveries.map(({ channel }) => channel).sort();
if (channels.join() !== 'email,webhook') throw new Error(`delivered on ${channels.join()}`);
const { items: received } = await call(200, `${sandboxUrl}/received`);
for (const platform of ['webhook', 'mail']) {
  if (!received.some((item) => item.platform === platform && JSON.stringify(item).includes(mark))) {
    throw new Error(`the sandbox received nothing as ${platform}`);
  }
}
await until('the inbox copy', async () => {
  const { items } = await call(200, '/v1/messages', { account });
  return items.find(({ title }) => title === event.title);
});
await until('the end of the event', async () => (await call(200, `/v1/events/${eventId}`, { key })).state === 'ended');
await call(404, '/metrics');
console.log('an event went through the gateway to the inbox, a webhook and a mailbox');
