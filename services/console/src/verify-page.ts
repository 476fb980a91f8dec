/**
 * Where the link of a verification mail leads. The token stands behind the # and so reaches no server and no log by being
 * opened; programs that open links in mails verify nothing: a person presses the button.
 */
import { page } from './page.js';

export const verifyPage = page({
  title: 'Herald',
  head: '<link rel="stylesheet" href="/docs/page.css">\n<meta name="referrer" content="no-referrer">',
  body: `<h1 id="title"></h1>
<p id="text" role="status" aria-live="polite"></p>
<p><button id="verify" type="button" hidden></button></p>
<noscript><p>This page needs JavaScript. Or enter the code of the mail where you were asked for it.</p></noscript>
<script src="/docs/verify.js"></script>`,
});

export const verifyScript = `const words = {
  en: {
    title: 'Verify your e-mail address',
    ask: 'Press the button to receive messages at this address.',
    button: 'Verify this address',
    done: 'The address is verified.',
    wrong: 'The link is wrong or has run out. Ask for a new mail.',
    away: 'Herald can’t be reached right now. Try again.',
  },
  zh: {
    title: '验证您的邮箱地址',
    ask: '点击按钮，即可在此邮箱接收消息。',
    button: '验证此邮箱',
    done: '邮箱已验证。',
    wrong: '链接有误或已失效，请重新发送验证邮件。',
    away: '暂时无法连接 Herald，请稍后重试。',
  },
};
const language = navigator.language.toLowerCase().startsWith('zh') ? 'zh' : 'en';
const own = words[language];
const show = (id, text) => { document.getElementById(id).textContent = text; };
const button = document.getElementById('verify');
const token = new URLSearchParams(location.hash.slice(1)).get('token');
document.documentElement.lang = language === 'zh' ? 'zh-CN' : 'en';
document.title = own.title;
show('title', own.title);
show('verify', own.button);
show('text', token ? own.ask : own.wrong);
button.hidden = !token;
button.addEventListener('click', async () => {
  button.disabled = true;
  try {
    const answer = await fetch('/v1/recipients/verify', {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-herald-csrf': '1' },
      body: JSON.stringify({ token }),
    });
    const isAway = answer.status >= 500;
    button.hidden = !isAway;
    show('text', answer.ok ? own.done : isAway ? own.away : own.wrong);
  } catch {
    show('text', own.away);
  }
  button.disabled = false;
});
`;
