import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { createTransport, type SendMailOptions } from 'nodemailer';
import type { Fault } from './faults.js';
import { SandboxServer } from './sandbox-server.js';

let sandbox: SandboxServer;

beforeEach(async () => {
  sandbox = new SandboxServer();
  await sandbox.start({ port: 0 });
});
afterEach(() => sandbox.stop());

const mail = {
  from: { name: '运维', address: 'herald@example.com' },
  to: [{ name: 'Olive', address: 'olive@example.com' }],
  subject: '磁盘告警',
  text: 'Disk alert\n中文',
  html: '<p><b>Disk alert</b></p>',
  messageId: '<dlv_1@example.com>',
  headers: { 'Auto-Submitted': 'auto-generated', 'List-Unsubscribe': '<https://example.com/u>' },
} satisfies SendMailOptions;

function send(more: SendMailOptions = {}, auth?: { user: string; pass: string }, timeoutMs = 10_000) {
  const timeouts = { greetingTimeout: timeoutMs, socketTimeout: timeoutMs, connectionTimeout: timeoutMs };
  const transport = createTransport({ host: '127.0.0.1', port: sandbox.mailPort, secure: false, auth, ...timeouts });
  return transport.sendMail({ ...mail, ...more }).finally(() => transport.close());
}
const items = () => sandbox.state.received.list({ platform: 'mail' });
const fault = (given: Partial<Fault>) =>
  sandbox.state.faults.add({ platform: 'mail', kind: 'smtp', ...given } as Fault);

describe('mail server', () => {
  it('keeps a mail, parsed', async () => {
    const info = await send();
    expect(info.response).toMatch(/^250 2\.0\.0 Ok: queued as 1$/);
    expect(items()).toEqual([
      {
        id: 1,
        platform: 'mail',
        at: expect.any(String),
        path: 'olive@example.com',
        headers: expect.objectContaining({
          'auto-submitted': 'auto-generated',
          'list-unsubscribe': '<https://example.com/u>',
        }),
        body: {
          from: 'herald@example.com',
          fromName: '运维',
          to: ['olive@example.com'],
          subject: '磁盘告警',
          text: 'Disk alert\n中文',
          html: '<p><b>Disk alert</b></p>',
          messageId: '<dlv_1@example.com>',
          headers: expect.any(Object),
          envelope: { from: 'herald@example.com', to: ['olive@example.com'] },
          attachments: [],
        },
        answer: { status: 250, body: '250 2.0.0 Ok: queued' },
        accepted: true,
        robot: null,
        fault: null,
      },
    ]);
  });

  it('takes any credentials', async () => {
    await expect(send({}, { user: 'someone', pass: 'secret' })).resolves.toMatchObject({
      accepted: ['olive@example.com'],
    });
  });

  it.each([
    ['connect', { code: 421, text: '4.7.0 Try later' }, { responseCode: 421, command: 'CONN' }],
    ['auth', {}, { code: 'EAUTH', responseCode: 535 }],
    ['auth', { code: 454, text: '4.7.0 Temporary authentication failure' }, { code: 'EAUTH', responseCode: 454 }],
    ['mail', { code: 451, text: '4.3.0 Busy' }, { code: 'EENVELOPE', responseCode: 451 }],
    ['rcpt', {}, { code: 'EENVELOPE', responseCode: 550, response: '550 5.1.1 No such user here' }],
    ['rcpt', { code: 450, text: '4.7.1 Greylisted' }, { code: 'EENVELOPE', responseCode: 450 }],
    ['data', { code: 554, text: '5.7.1 Spam' }, { code: 'EMESSAGE', responseCode: 554, response: '554 5.7.1 Spam' }],
    ['data', { code: 552, text: '5.2.2 Over quota' }, { code: 'EMESSAGE', responseCode: 552 }],
  ] as const)('refuses at %s with %j', async (stage, reply, error) => {
    fault({ stage, ...reply, times: 1 });
    await expect(send({}, { user: 'u', pass: 'p' })).rejects.toMatchObject(error);
    expect(items()).toMatchObject([{ accepted: false, fault: 'smtp', answer: { status: error.responseCode } }]);
    await expect(send({}, { user: 'u', pass: 'p' })).resolves.toBeDefined();
  });

  it('refuses one recipient and takes the others', async () => {
    fault({ stage: 'rcpt', address: 'gone@example.com' });
    const info = await send({ to: ['gone@example.com', 'olive@example.com'] });
    expect(info.rejected).toEqual(['gone@example.com']);
    expect(items().filter(({ accepted }) => accepted)).toMatchObject([{ path: 'olive@example.com' }]);
  });

  it('says nothing after the dot of a mail that it took', async () => {
    fault({ kind: 'hang', accepted: true });
    await expect(send({}, undefined, 200)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
    expect(items()).toMatchObject([{ accepted: true, answer: null, fault: 'hang' }]);
  });

  it('drops the connection after the dot', async () => {
    fault({ kind: 'reset' });
    await expect(send()).rejects.toMatchObject({ code: 'ECONNECTION' });
    expect(items()).toMatchObject([{ accepted: false, answer: null }]);
  });

  it('never greets', async () => {
    fault({ kind: 'hang', stage: 'connect' });
    await expect(send({}, undefined, 200)).rejects.toMatchObject({ code: 'ETIMEDOUT' });
  });

  it('refuses a mail that is too large', async () => {
    const attachments = [{ filename: 'x.bin', content: Buffer.alloc(11 * 1024 * 1024) }];
    await expect(send({ attachments })).rejects.toMatchObject({ responseCode: 552 });
    expect(items()).toMatchObject([{ accepted: false, answer: { status: 552 } }]);
  });

  it('serves a mail’s HTML apart, where it can do nothing', async () => {
    const html =
      '<html><head><title>x</title></head><body><script>1</script><img src="https://tracker.example/"></body></html>';
    await send({ html });
    const answer = await fetch(`${sandbox.url}/mails/1`);
    expect(answer.headers.get('content-security-policy')).toMatch(/^sandbox [^;]*; default-src 'none'/);
    expect(answer.headers.get('content-security-policy')).not.toMatch(/allow-scripts|allow-same-origin|https:/);
    expect(await answer.text()).toContain('<head><base target="_blank">');
    expect((await fetch(`${sandbox.url}/mails/2`)).status).toBe(404);
  });
});
