/** What SMTP and nodemailer say (RFC 5321, RFC 3463). The reply's code decides first, then nodemailer's own code. */
import { type Failure, ProviderError } from '../channel.js';
import { failure, safeText } from '../failures.js';

interface MailError extends Error {
  readonly code?: string;
  readonly responseCode?: number;
  readonly response?: string;
  readonly command?: string;
}

const AMBIGUOUS_AFTER = new Set(['DATA', 'CONN']);

export function mailFailure(error: unknown): ProviderError {
  if (error instanceof ProviderError) return error;
  const { code = '', responseCode, response = '', command } = error as MailError;
  const enhanced = /^\d{3}[ -](\d\.\d{1,3}\.\d{1,3})/.exec(response)?.[1] ?? '';
  if (responseCode !== undefined) {
    const found = byReply(responseCode, enhanced, response);
    return new ProviderError({ ...found, providerCode: `${responseCode} ${enhanced}`.trim(), providerMessage: safeText(response), status: responseCode });
  }
  if (code === 'EAUTH' || code === 'ENOAUTH' || code === 'EREQUIRETLS' || code === 'ECONFIG') {
    return new ProviderError(failure('bad-credentials', code, { advice: 'mail-server-refuses' }));
  }
  if (code === 'EFILEACCESS' || code === 'EURLACCESS' || code === 'EMAXRECIPIENTS' || code === 'ESTREAM') {
    return new ProviderError(failure('bad-message', code));
  }
  const isTimeout = code === 'ETIMEDOUT' || code === 'EABORT' || (error as Error).name === 'AbortError';
  // Silence or a drop once the text was sent: it may have been taken.
  const ambiguous = AMBIGUOUS_AFTER.has(command ?? '') && code !== 'ESOCKET' && code !== 'EDNS';
  return new ProviderError(failure(isTimeout ? 'timeout' : 'provider-down', code || 'CONNECTION_FAILED', { ambiguous }));
}

function byReply(reply: number, enhanced: string, response: string): Failure {
  if (reply === 421 && enhanced === '4.7.0' && /rate/i.test(response)) return failure('throttled', '', { retryAfterSeconds: 15 * 60 });
  if (enhanced === '5.4.5' || (reply === 550 && /daily|quota/i.test(response) && enhanced.startsWith('5.7'))) {
    return failure('throttled', '', { retryAfterSeconds: 24 * 60 * 60 });
  }
  if ((reply === 450 || reply === 451) && (enhanced === '4.7.1' || /greylist/i.test(response))) {
    return failure('provider-down', '', { retryAfterSeconds: 5 * 60 });
  }
  if (reply >= 400 && reply < 500) return failure('provider-down', '');
  if (reply === 503) return failure('provider-down', '');
  if ([530, 534, 535, 538].includes(reply)) return failure('bad-credentials', '', { advice: 'mail-server-refuses' });
  if (['5.7.26', '5.7.515'].includes(enhanced)) return failure('bad-credentials', '', { advice: 'sender-not-authenticated' });
  if (/^5\.1\.(1|2|3|6|10)$/.test(enhanced) || enhanced === '5.2.1' || reply === 551 || reply === 553) {
    return failure('bad-destination', '', { advice: 'mailbox-unknown' });
  }
  if (enhanced === '5.2.2') return failure('bad-destination', '', { advice: 'mailbox-full' });
  return failure('bad-message', '');
}
