/** A custom webhook's JSON, and what its receiver found of the signature. */
import { el } from './dom.js';
import { drawJson } from './draw-json.js';
import { fieldsOf, type Item, textOf } from './item.js';
import type { Words } from './words.js';

export function drawWebhook(item: Item, isSigned: boolean, words: Words): HTMLElement {
  const [className, text] = verdictOf(item, isSigned, words);
  const id = item.headers['webhook-id'];
  return el(
    'div',
    { class: 'card' },
    el('p', { class: `verdict ${className}` }, text),
    id !== undefined && el('p', { class: 'quiet mono' }, `webhook-id ${id}`),
    drawJson(item.body),
  );
}

function verdictOf({ answer, accepted }: Item, isSigned: boolean, words: Words): [string, string] {
  if (!isSigned) return ['unchecked', words.signatureUnchecked];
  const problem = textOf(fieldsOf(answer?.body)['error']);
  if (answer?.status === 401 && problem) return ['bad', `${words.signatureFails}: ${problem}`];
  return accepted ? ['good', words.signatureHolds] : ['unchecked', words.refused];
}
