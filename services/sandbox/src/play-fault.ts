/** How a fault looks to the caller of an HTTP platform. */
import { gzipSync } from 'node:zlib';
import type { HttpFault } from './faults.js';
import { recordedAnswers } from './recorded-answers.js';

const TEN_MEGABYTES = 10 * 1024 * 1024;

export type Play =
  | {
      readonly act: 'answer';
      readonly status: number;
      readonly headers: Record<string, string>;
      readonly body: string | Buffer;
    }
  | { readonly act: 'hang' | 'reset' | 'close' };

/** What happens in place of the platform's answer. `slow` isn't here: there the platform's own answer comes, late. */
export function playFault(fault: Omit<HttpFault, 'kind'> & { kind: Exclude<HttpFault['kind'], 'slow'> }): Play {
  switch (fault.kind) {
    case 'hang':
    case 'reset':
    case 'close':
      return { act: fault.kind };
    case 'status':
    case 'answer':
      return answerOf(
        fault.recorded === undefined ? fault : recordedAnswers[fault.recorded],
        fault.kind === 'status' ? 500 : 200,
      );
    case 'html':
      return answer(fault, 502, 'text/html; charset=utf-8', badGateway);
    case 'huge':
      return answer(fault, 200, 'application/json', Buffer.alloc(TEN_MEGABYTES, 'x'));
    case 'bomb':
      return answer(fault, 200, 'application/json', gzipSync(Buffer.alloc(TEN_MEGABYTES, ' ')), {
        'content-encoding': 'gzip',
      });
    case 'empty':
      return answer(fault, 200, 'application/json', '');
  }
}

const badGateway =
  '<html>\r\n<head><title>502 Bad Gateway</title></head>\r\n<body>\r\n<center><h1>502 Bad Gateway</h1></center>\r\n</body>\r\n</html>\r\n';

type Wanted = Pick<HttpFault, 'status' | 'headers' | 'body'>;

function answerOf({ status, headers, body }: Wanted, defaultStatus: number): Play {
  const isText = typeof body === 'string' || body === undefined;
  const type = isText ? 'text/plain; charset=utf-8' : 'application/json; charset=utf-8';
  return answer({ status, headers }, defaultStatus, type, isText ? (body ?? '') : JSON.stringify(body));
}

function answer(
  { status, headers }: Wanted,
  defaultStatus: number,
  type: string,
  body: string | Buffer,
  more: Record<string, string> = {},
): Play {
  const named = Object.fromEntries(Object.entries(headers ?? {}).map(([name, value]) => [name.toLowerCase(), value]));
  return { act: 'answer', status: status ?? defaultStatus, headers: { 'content-type': type, ...more, ...named }, body };
}
