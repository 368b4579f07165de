import { defineConfig } from 'vite';

export default defineConfig({
  // Every URL is relative. The server returns `index.html` at `/` and `graphiql.html` at `/graphiql`, both one level
  // deep, so `./assets/…` means `/assets/…` on both, and both still work when a proxy serves tenantry below a prefix.
  // `/graphiql/` with a trailing slash would resolve to the wrong place: the server must not return the page there.
  base: './',
  build: {
    target: 'es2023',
    // The first browsers with `light-dark()`, so that it is kept and follows GraphiQL's own theme setting.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // No `data:` fonts or scripts: the pages run under `font-src 'self'` and `script-src 'self'`.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The notices required by the licences of the bundled packages; the start page links to them.
    license: { fileName: 'licenses.txt' },
    // The editor alone exceeds the default limit of 500 kB; it loads after the first render.
    chunkSizeWarningLimit: 4000,
    rolldownOptions: {
      input: ['index.html', 'graphiql.html', 'docs.html', 'accept-invitation.html', 'reset-password.html', 'verify-email.html'],
      // A hundred files contain directives like "use client", which have no effect without server rendering.
      checks: { moduleLevelDirective: false },
    },
  },
  worker: {
    format: 'es',
  },
});
