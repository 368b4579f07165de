import { defineConfig } from 'vite';

export default defineConfig({
  // Every address is relative. The server answers `index.html` at `/` and `graphiql.html` at `/graphiql`, both one level
  // deep, so `./assets/…` means `/assets/…` on both, and both still work when a proxy serves tenantry below a prefix.
  // `/graphiql/` with a slash at the end would look in the wrong place: the server must not answer the page there.
  base: './',
  build: {
    target: 'es2023',
    // The first ones with `light-dark()`, so that it is kept and follows GraphiQL's own theme setting.
    cssTarget: ['chrome123', 'firefox120', 'safari17.5'],
    // No `data:` fonts or scripts: the pages run under `font-src 'self'` and `script-src 'self'`.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    // The notices that the licences of the bundled packages ask for; the start page links to them.
    license: { fileName: 'licenses.txt' },
    // The editor alone is past the default limit of 500 kB; it loads after the page has drawn.
    chunkSizeWarningLimit: 4000,
    rolldownOptions: {
      input: ['index.html', 'graphiql.html', 'docs.html'],
      // "use client" and the like, in a hundred files: they mean nothing without server rendering.
      checks: { moduleLevelDirective: false },
    },
  },
  worker: {
    format: 'es',
  },
});
