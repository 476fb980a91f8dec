/** Slack's rules for blocks and attachments, for webhooks and `chat.postMessage` alike. */
import { characters, type Fields, isFields, isLink, isText } from './payload.js';

const MAX_BLOCKS = 50;
const MAX_ATTACHMENTS = 100;
const MAX_MARKDOWN_CHARACTERS = 12_000;
/** Undocumented; observed near this sum of all blocks. */
const MAX_BLOCKS_CHARACTERS = 13_200;

/** What is wrong with the parts of a message, as Slack's error code; the messages say where, in its wording. */
export interface BlocksFault {
  readonly error: 'no_text' | 'invalid_blocks' | 'invalid_attachments' | 'too_many_attachments' | 'msg_blocks_too_long';
  readonly messages: readonly string[];
}

export function messageFault(message: Fields): BlocksFault | undefined {
  const { text, blocks, attachments } = message;
  const has = (list: unknown) => Array.isArray(list) && list.length > 0;
  if (attachments !== undefined && !Array.isArray(attachments)) return { error: 'invalid_attachments', messages: [] };
  if (Array.isArray(attachments)) {
    if (attachments.length > MAX_ATTACHMENTS) return { error: 'too_many_attachments', messages: [] };
    if (!attachments.every(isFields)) return { error: 'invalid_attachments', messages: [] };
  }
  if (blocks !== undefined && !Array.isArray(blocks))
    return { error: 'invalid_blocks', messages: ['[ERROR] must be an array'] };
  const all = Array.isArray(blocks) ? blocks : [];
  const faults = blocksFaults(all);
  if (faults.length > 0) return { error: 'invalid_blocks', messages: faults };
  if (characters(JSON.stringify(all)) > MAX_BLOCKS_CHARACTERS) return { error: 'msg_blocks_too_long', messages: [] };
  return isText(text) || has(blocks) || has(attachments) ? undefined : { error: 'no_text', messages: [] };
}

function blocksFaults(blocks: readonly unknown[]): string[] {
  if (blocks.length > MAX_BLOCKS) return [`[ERROR] no more than ${MAX_BLOCKS} items allowed [json-pointer:/blocks]`];
  const faults = blocks.flatMap((block, index) => blockFaults(block, `/blocks/${index}`));
  const markdown = blocks.filter((block) => isFields(block) && block.type === 'markdown') as Fields[];
  const sum = markdown.reduce((total, block) => total + characters(String(block.text)), 0);
  if (sum > MAX_MARKDOWN_CHARACTERS) {
    faults.push(`[ERROR] must be less than ${MAX_MARKDOWN_CHARACTERS + 1} characters [json-pointer:/blocks]`);
  }
  return faults;
}

const blockChecks: Record<string, (block: Fields, at: string) => string[]> = {
  divider: () => [],
  header: (block, at) => textFaults(block.text, `${at}/text`, 150, ['plain_text']),
  section: sectionFaults,
  context: (block, at) => listFaults(block.elements, `${at}/elements`, 10, contextElementFaults),
  actions: (block, at) => listFaults(block.elements, `${at}/elements`, 25, actionFaults),
  image: (block, at) => [
    ...(isLink(block.image_url) || isFields(block.slack_file) ? [] : [missing('image_url', at)]),
    ...(isText(block.alt_text) ? [] : [missing('alt_text', at)]),
  ],
  markdown: (block, at) => (isText(block.text) ? [] : [missing('text', at)]),
  rich_text: (block, at) => (Array.isArray(block.elements) ? [] : [missing('elements', at)]),
  table: (block, at) => (Array.isArray(block.rows) ? [] : [missing('rows', at)]),
};

function blockFaults(block: unknown, at: string): string[] {
  if (!isFields(block) || !isText(block.type)) return [missing('type', at)];
  if (!Object.hasOwn(blockChecks, block.type))
    return [`[ERROR] unsupported type: ${block.type} [json-pointer:${at}/type]`];
  const id = block.block_id;
  const idFaults = id === undefined || (isText(id) && characters(id) <= 255) ? [] : [tooLong(255, `${at}/block_id`)];
  return [...idFaults, ...blockChecks[block.type]!(block, at)];
}

function sectionFaults(block: Fields, at: string): string[] {
  if (block.text === undefined && block.fields === undefined) return [missing('text', at)];
  return [
    ...(block.text === undefined ? [] : textFaults(block.text, `${at}/text`, 3000)),
    ...(block.fields === undefined
      ? []
      : listFaults(block.fields, `${at}/fields`, 10, (field, where) => textFaults(field, where, 2000))),
    ...(block.accessory === undefined ? [] : actionFaults(block.accessory, `${at}/accessory`)),
  ];
}

function contextElementFaults(element: unknown, at: string): string[] {
  if (isFields(element) && element.type === 'image') return isLink(element.image_url) ? [] : [missing('image_url', at)];
  return textFaults(element, at, 3000);
}

function actionFaults(element: unknown, at: string): string[] {
  if (!isFields(element) || !isText(element.type)) return [missing('type', at)];
  if (element.type !== 'button') return [];
  const { url, value } = element;
  return [
    ...textFaults(element.text, `${at}/text`, 75, ['plain_text']),
    ...(url === undefined || (isLink(url, ['http:', 'https:', 'mailto:', 'slack:']) && characters(url) <= 3000)
      ? []
      : [`[ERROR] must be a valid url [json-pointer:${at}/url]`]),
    ...(value === undefined || (typeof value === 'string' && characters(value) <= 2000)
      ? []
      : [tooLong(2000, `${at}/value`)]),
  ];
}

function textFaults(text: unknown, at: string, max: number, types = ['plain_text', 'mrkdwn']): string[] {
  if (!isFields(text) || !types.includes(String(text.type))) return [missing('type', at)];
  if (!isText(text.text)) return [`[ERROR] must be more than 0 characters [json-pointer:${at}/text]`];
  return characters(text.text) > max ? [tooLong(max, `${at}/text`)] : [];
}

function listFaults(list: unknown, at: string, max: number, check: (item: unknown, at: string) => string[]): string[] {
  if (!Array.isArray(list) || list.length === 0) return [`[ERROR] no fewer than 1 items allowed [json-pointer:${at}]`];
  if (list.length > max) return [`[ERROR] no more than ${max} items allowed [json-pointer:${at}]`];
  return list.flatMap((item, index) => check(item, `${at}/${index}`));
}

const missing = (field: string, at: string) => `[ERROR] missing required field: ${field} [json-pointer:${at}]`;
const tooLong = (max: number, at: string) => `[ERROR] must be less than ${max + 1} characters [json-pointer:${at}]`;
