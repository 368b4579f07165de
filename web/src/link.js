// What the pages behind the links in mails have in common. A page sends the token of its link, once a person asks for it.

const COMMON = {
  en: {
    incomplete: 'This link is incomplete. Open it from the e-mail again, or copy the whole link.',
    short: 'The password must have at least 8 characters.',
    unreachable: 'The server cannot be reached. Check your connection, and try again.',
    busy: 'The server is busy. Try again in a minute.',
    failed: 'Something went wrong on the server. Try again, or tell your administrator.',
  },
  de: {
    rules: '8 bis 128 Zeichen. Weder Ihre E-Mail-Adresse noch ein Passwort, das viele benutzen.',
    show: 'Passwort anzeigen',
    incomplete: 'Dieser Link ist unvollständig. Öffnen Sie ihn noch einmal aus der E-Mail, oder kopieren Sie den ganzen Link.',
    short: 'Das Passwort muss mindestens 8 Zeichen haben.',
    unreachable: 'Der Server ist nicht erreichbar. Prüfen Sie Ihre Verbindung, und versuchen Sie es noch einmal.',
    busy: 'Der Server ist ausgelastet. Versuchen Sie es in einer Minute noch einmal.',
    failed: 'Auf dem Server ist etwas schiefgegangen. Versuchen Sie es noch einmal, oder benachrichtigen Sie Ihre Administration.',
  },
};
const CHARACTERS_MIN = 8;
const SECONDS_MAX = 60;

const element = (id) => document.getElementById(id);
export const value = (id) => element(id).value;

/** `words` are the page's own, by language; the English ones of its fields are in the page itself. */
export function linkPage({ query, variables, words, done = (said) => said.done }) {
  const language = navigator.languages.map((tag) => tag.slice(0, 2).toLowerCase()).find((tag) => tag in COMMON) ?? 'en';
  const said = { ...COMMON[language], ...words[language] };
  const form = document.querySelector('form');
  const title = document.querySelector('h1');
  const problem = element('problem');
  const password = element('password');
  let token;
  let sending = false;

  document.documentElement.lang = language;
  for (const part of document.querySelectorAll('[data-text]')) part.textContent = said[part.dataset.text] ?? part.textContent;
  document.title = title.textContent;

  /** Takes the token out of the address bar and the history, where others could read it. */
  function takeToken() {
    token = new URLSearchParams(location.hash.slice(1)).get('token');
    history.replaceState(null, '', location.pathname + location.search);
    form.hidden = !token;
    show(token ? '' : said.incomplete);
  }

  /** Shows a problem. The focus goes to it, or to the field that it is about. */
  function show(text, { field, english = false } = {}) {
    problem.textContent = text;
    problem.toggleAttribute('lang', false);
    if (english) problem.lang = 'en';
    password?.setAttribute('aria-invalid', String(field === password && Boolean(text)));
    password?.setAttribute('aria-describedby', field === password ? 'problem rules' : 'rules');
    if (text) (field ?? problem).focus();
  }

  function refused({ message, extensions: { code, field = '' } }) {
    if (field.endsWith('token')) {
      form.hidden = true;
      show(said.invalid);
    } else if (['RATE_LIMITED', 'UNAVAILABLE'].includes(code)) {
      show(said.busy);
    } else if (code === 'INTERNAL') {
      show(said.failed);
    } else if (said[code]) {
      show(said[code]);
    } else {
      // The server says what is wrong, in English. Some of its paths put the code before the sentence.
      show(message.replace(/^\[\w+\] /, ''), { field: /password$/i.test(field) ? password : undefined, english: true });
    }
  }

  async function send() {
    const response = await fetch('graphql', {
      method: 'POST',
      headers: { Accept: 'application/graphql-response+json', 'Content-Type': 'application/json' },
      body: JSON.stringify({ query, variables: { token, ...variables() } }),
      credentials: 'omit',
      redirect: 'error',
      signal: AbortSignal.timeout(SECONDS_MAX * 1000),
    });
    return response.json();
  }

  form.addEventListener('submit', async (event) => {
    event.preventDefault();
    if (sending) return;
    if (password && [...password.value].length < CHARACTERS_MIN) {
      show(said.short, { field: password });
      return;
    }
    sending = true;
    form.setAttribute('aria-busy', 'true');
    show('');
    try {
      const { data, errors } = await send();
      if (errors) return refused(errors[0]);
      form.remove();
      title.textContent = said.doneTitle;
      document.title = said.doneTitle;
      element('done').textContent = done(said, data);
      element('done').hidden = false;
      title.focus();
    } catch {
      show(said.unreachable);
    } finally {
      sending = false;
      form.removeAttribute('aria-busy');
    }
  });
  element('show')?.addEventListener('change', ({ target }) => {
    password.type = target.checked ? 'text' : 'password';
  });
  // A second link that is opened in the same tab changes only this part of the address.
  addEventListener('hashchange', () => {
    if (!location.hash) return;
    if (form.isConnected) takeToken();
    // The form of the link before is used up.
    else location.reload();
  });
  takeToken();
}
