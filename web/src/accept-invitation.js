import { linkPage, value } from './link.js';

linkPage({
  query: 'mutation($token: String!, $data: AcceptInvitationData!) { acceptInvitation(token: $token, data: $data) { email } }',
  variables: () => ({
    data: { firstname: value('firstname') || null, lastname: value('lastname') || null, password: value('password') },
  }),
  done: (words, data) => words.done.replace('{email}', data.acceptInvitation.email),
  words: {
    en: {
      doneTitle: 'Your account is ready',
      done: 'Sign in with {email} and your password in the application that you were invited to. You can close this page.',
      invalid:
        'This invitation is no longer valid. It was already used, withdrawn or replaced by a newer one, or it has expired. If you already have an account, sign in. If not, ask the person who invited you for a new invitation.',
      CONFLICT: 'There is already an account with this e-mail address. Sign in, or ask for a new password.',
      SEAT_LIMIT_REACHED:
        'The organization has no free account at the moment. Tell the person who invited you. Your invitation stays valid.',
    },
    de: {
      title: 'Einladung annehmen',
      lead: 'Wählen Sie ein Passwort, um Ihr Konto anzulegen.',
      firstname: 'Vorname',
      lastname: 'Nachname',
      password: 'Passwort',
      submit: 'Konto anlegen',
      doneTitle: 'Ihr Konto ist bereit',
      done: 'Melden Sie sich in der Anwendung, zu der Sie eingeladen wurden, mit {email} und Ihrem Passwort an. Sie können diese Seite schließen.',
      invalid:
        'Diese Einladung ist nicht mehr gültig. Sie wurde schon benutzt, zurückgezogen oder durch eine neuere ersetzt, oder sie ist abgelaufen. Wenn Sie schon ein Konto haben, melden Sie sich an. Wenn nicht, bitten Sie die Person, die Sie eingeladen hat, um eine neue Einladung.',
      CONFLICT: 'Mit dieser E-Mail-Adresse gibt es schon ein Konto. Melden Sie sich an, oder fordern Sie ein neues Passwort an.',
      SEAT_LIMIT_REACHED:
        'Die Organisation hat zurzeit kein freies Konto. Benachrichtigen Sie die Person, die Sie eingeladen hat. Ihre Einladung bleibt gültig.',
    },
  },
});
