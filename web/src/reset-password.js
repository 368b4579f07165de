import { linkPage, value } from './link.js';

linkPage({
  query: 'mutation($token: String!, $password: String!) { completePasswordReset(token: $token, newPassword: $password) }',
  variables: () => ({ password: value('password') }),
  words: {
    en: {
      doneTitle: 'Your password is set',
      done: 'Sign in with your new password. You can close this page.',
      invalid:
        'This link is no longer valid. It was already used, or it is older than an hour. If you still need a new password, ask for another link where you sign in.',
    },
    de: {
      title: 'Neues Passwort wählen',
      lead: 'Sie werden überall abgemeldet und können sich danach mit dem neuen Passwort anmelden.',
      password: 'Neues Passwort',
      submit: 'Passwort setzen',
      doneTitle: 'Ihr Passwort ist gesetzt',
      done: 'Melden Sie sich mit Ihrem neuen Passwort an. Sie können diese Seite schließen.',
      invalid:
        'Dieser Link ist nicht mehr gültig. Er wurde schon benutzt, oder er ist älter als eine Stunde. Wenn Sie noch ein neues Passwort brauchen, fordern Sie dort, wo Sie sich anmelden, einen neuen Link an.',
    },
  },
});
