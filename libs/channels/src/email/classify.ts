/** What SMTP and nodemailer say (RFC 5321, RFC 3463). The reply's code decides first, then nodemailer's own code. */
import { type Failure, type MailError, ProviderError } from '../channel.js';
import { failure, safeText } from '../failures.js';

export function mailFailure(error: unknown): ProviderError {
  if (error instanceof ProviderError) return error;
  const { code = '', responseCode, response = '', command = '', isWritten = false, name } = error as MailError;
  const enhanced = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})/.exec(response)?.[1] ?? '';
  if (responseCode !== undefined) {
    const found = byReply(responseCode, enhanced, response, command);
    return new ProviderError({
      ...found,
      providerCode: `${responseCode} ${enhanced}`.trim(),
      providerMessage: safeText(response),
      status: responseCode,
    });
  }
  if (['EAUTH', 'ENOAUTH', 'EOAUTH2', 'EREQUIRETLS', 'ECONFIG'].includes(code)) {
    return new ProviderError(failure('bad-credentials', code, { advice: 'mail-server-refuses' }));
  }
  if (['EENVELOPE', 'EMESSAGE', 'EFILEACCESS', 'EURLACCESS', 'EMAXRECIPIENTS', 'ESTREAM'].includes(code)) {
    return new ProviderError(failure('bad-message', code));
  }
  // The operator's setting, not the reader's address: it is tried again while they mend it.
  if (code === 'ADDRESS_BLOCKED')
    return new ProviderError(failure('provider-down', code, { advice: 'address-blocked' }));
  const isTimeout = code === 'ETIMEDOUT' || code === 'EABORT' || name === 'AbortError';
  // Silence or a drop once the text was sent: it may have been taken.
  const kind = isTimeout ? 'timeout' : 'provider-down';
  return new ProviderError(
    failure(kind, isTimeout ? 'TIMEOUT' : code || 'CONNECTION_FAILED', { ambiguous: isWritten }),
  );
}

function byReply(reply: number, enhanced: string, response: string, command: string): Failure {
  if (reply === 421 && enhanced === '4.7.0' && /rate/i.test(response)) {
    return failure('throttled', '', { retryAfterSeconds: 15 * 60 });
  }
  if (enhanced === '5.4.5' || (reply === 550 && /daily|quota/i.test(response) && enhanced.startsWith('5.7'))) {
    return failure('throttled', '', { retryAfterSeconds: 24 * 60 * 60 });
  }
  if ((reply === 450 || reply === 451) && (enhanced === '4.7.1' || /gr[ea]ylist/i.test(response))) {
    return failure('provider-down', '', { retryAfterSeconds: 5 * 60 });
  }
  if (reply >= 400 && reply < 500) return failure('provider-down', '');
  // Out of step on this connection, or refused before a word was said: another connection may do.
  if (reply === 503 || (reply === 554 && command === 'CONN')) return failure('provider-down', '');
  // RFC 5321, 4.5.3.1.10: too many recipients, which is no fault of the message.
  if (reply === 552 && command === 'RCPT TO' && enhanced !== '5.2.2') return failure('provider-down', '');
  if ([530, 534, 535, 538].includes(reply)) return failure('bad-credentials', '', { advice: 'mail-server-refuses' });
  if (['5.7.26', '5.7.515'].includes(enhanced)) {
    return failure('bad-credentials', '', { advice: 'sender-not-authenticated' });
  }
  if (command === 'MAIL FROM') return failure('bad-credentials', '', { advice: 'sender-refused' });
  if (enhanced === '5.2.2') return failure('bad-destination', '', { advice: 'mailbox-full' });
  const isUnknown =
    /^5\.1\.(1|2|3|6|10)$/.test(enhanced) ||
    enhanced === '5.2.1' ||
    reply === 551 ||
    reply === 553 ||
    (reply === 550 && enhanced === '' && command === 'RCPT TO');
  if (isUnknown) return failure('bad-destination', '', { advice: 'mailbox-unknown' });
  return failure('bad-message', '');
}
