export interface Page {
  readonly title: string;
  /** HTML of our own, as the body is. */
  readonly head: string;
  readonly body: string;
}

export function page({ title, head, body }: Page): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
${head}
</head>
<body>
${body}
</body>
</html>
`;
}

export const pageStyle =
  'body{font:16px/1.6 system-ui,sans-serif;max-width:42rem;margin:3rem auto;padding:0 1rem}code{background:#f2f2f2;padding:.1em .3em}button{font:inherit;padding:.4em 1em}';
