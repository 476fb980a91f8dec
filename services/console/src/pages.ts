/** The reference of the API, and where to look until there is a console. */
import { page } from './page.js';

export const docsPage = page({
  title: 'Herald API',
  head: '<link rel="stylesheet" href="/docs/swagger-ui.css">\n<link rel="icon" href="/docs/favicon-32x32.png">',
  body: '<div id="reference"></div>\n<script src="/docs/swagger-ui-bundle.js"></script>\n<script src="/docs/docs.js"></script>',
});

export const docsScript = `SwaggerUIBundle({
  url: '/openapi.json',
  dom_id: '#reference',
  deepLinking: true,
  validatorUrl: null,
  requestInterceptor(request) {
    request.headers['x-herald-csrf'] = '1';
    return request;
  },
});
`;

/** `sandboxPort`: null where no sandbox runs here. */
export function startPage(sandboxPort: number | null): string {
  const sandbox =
    sandboxPort === null
      ? ''
      : `<li>The sandbox on port ${sandboxPort} of this machine shows what each robot and mailbox received.</li>\n`;
  return page({
    title: 'Herald',
    head: '<link rel="stylesheet" href="/docs/page.css">',
    body: `<h1>Herald</h1>
<p>A message center: product teams post events, and every account’s people hear of them where they want to.</p>
<p>This is its HTTP API. Messages are read with <code>GET /v1/messages</code>, settings with <code>GET /v1/subscriptions</code>,
with the header <code>Authorization: Bearer …</code> or a session from <code>POST /v1/session</code>.</p>
<ul>
<li><a href="/docs">The reference of the API</a>, and <a href="/openapi.json">its OpenAPI document</a>.</li>
${sandbox}<li>What Herald is and how to run it: <code>README.md</code> and <code>docs/</code> of its repository.</li>
</ul>`,
  });
}
