import { linkPage } from './link.js';

// Programs that check mail open links, so the address is confirmed by the button and not by opening the page.
linkPage({
  query: 'mutation($token: String!) { verifyEmail(token: $token) }',
  variables: () => ({}),
  words: {
    en: {
      doneTitle: 'Your address is confirmed',
      done: 'You can close this page.',
      invalid:
        'This link is no longer valid. It was already used or replaced by a newer one, or it is older than a day. If the address is not confirmed yet, ask for another link in the application.',
      CONFLICT: 'This address belongs to another account by now. Tell your administrator.',
    },
    de: {
      title: 'E-Mail-Adresse bestätigen',
      lead: 'Bestätigen Sie, dass diese Adresse Ihnen gehört und die Ihres Kontos ist.',
      submit: 'Adresse bestätigen',
      doneTitle: 'Ihre Adresse ist bestätigt',
      done: 'Sie können diese Seite schließen.',
      invalid:
        'Dieser Link ist nicht mehr gültig. Er wurde schon benutzt oder durch einen neueren ersetzt, oder er ist älter als ein Tag. Wenn die Adresse noch nicht bestätigt ist, fordern Sie in der Anwendung einen neuen Link an.',
      CONFLICT: 'Diese Adresse gehört inzwischen zu einem anderen Konto. Benachrichtigen Sie Ihre Administration.',
    },
  },
});
