/** Slack's errors: words in a body (webhooks) or in `error` (API). The word decides first, the status second. */
import type { Failure, HttpAnswer } from '../channel.js';
import { failure, httpFailure } from '../failures.js';
import { unexpected } from '../robot.js';

const message = failure('bad-message', '');
const refuses = failure('bad-credentials', '', { advice: 'robot-refuses' });
const removed = failure('bad-destination', '', { advice: 'robot-removed' });
const down = failure('provider-down', '');
const throttled = failure('throttled', '', { retryAfterSeconds: 30 });

const each = (words: string, found: Failure) => Object.fromEntries(words.split(' ').map((word) => [word, found]));

const byWord = new Map<string, Failure>(
  Object.entries({
    ...each(
      'invalid_payload no_text too_many_attachments invalid_blocks invalid_blocks_format invalid_attachments msg_blocks_too_long msg_too_long attachment_payload_limit_exceeded invalid_metadata_format invalid_metadata_schema metadata_too_large metadata_must_be_sent_from_app markdown_text_conflict cannot_reply_to_message as_user_not_supported invalid_arg_name invalid_arguments invalid_array_arg invalid_charset invalid_form_data invalid_post_type missing_post_type deprecated_endpoint method_deprecated unknown_method too_many_contact_cards missing_file_data duplicate_channel_not_found duplicate_message_not_found',
      message,
    ),
    ...each(
      'action_prohibited invalid_token posting_to_general_channel_denied account_inactive app_access_restricted access_denied invalid_auth not_authed token_expired token_revoked missing_scope no_permission not_allowed_token_type ekm_access_denied enterprise_is_restricted two_factor_setup_required restricted_action restricted_action_read_only_channel restricted_action_thread_only_channel restricted_action_non_threadable_channel restricted_action_thread_locked send_on_behalf_not_allowed is_bot',
      refuses,
    ),
    ...each(
      'user_not_found channel_not_found not_in_channel is_archived channel_is_archived messages_tab_disabled team_not_found team_disabled no_service no_service_id no_team no_active_hooks',
      removed,
    ),
    ...each(
      'rollup_error fatal_error internal_error service_unavailable request_timeout team_added_to_org org_login_required accesslimited',
      down,
    ),
    ...each('ratelimited rate_limited', throttled),
    message_limit_exceeded: failure('throttled', '', { retryAfterSeconds: 60 }),
  }),
);

/** Null where the word is not known: then the status speaks. */
export function classifySlackWord(word: string): Failure | null {
  const known = byWord.get(word);
  if (known) return known;
  if (word.startsWith('draft_')) return message;
  return /^slack_connect_\w+_blocked$/.test(word) ? refuses : null;
}

export function classifySlackAnswer(answer: HttpAnswer, now: Date): Failure {
  const byStatus = httpFailure(answer, now);
  if (answer.status === 429) return byStatus;
  const word = /^[a-z_]+/.exec(answer.text.trim())?.[0] ?? '';
  const known = classifySlackWord(word);
  if (known) return { ...known, providerCode: word, providerMessage: byStatus.providerMessage, status: answer.status };
  if (answer.status >= 200 && answer.status < 300)
    return { ...unexpected(answer), ...(answer.isPartial ? {} : { kind: 'unknown' as const, attemptsAtMost: 3 }) };
  return byStatus;
}
