import { defineConfig } from 'vite';

// The gateway serves index.html at /graphql and everything else below /graphql/explorer/.
export default defineConfig({
  base: '/graphql/explorer/',
  publicDir: false,
  build: {
    outDir: '../app/web/static',
    emptyOutDir: true,
    // The page targets evergreen browsers, so it needs no polyfills.
    target: 'es2022',
    modulePreload: { polyfill: false },
    // Monaco alone is larger than the default limit of 500 kB.
    chunkSizeWarningLimit: 4000,
    reportCompressedSize: false,
    license: { fileName: 'licenses.md' },
    rolldownOptions: {
      // "use client" in the libraries has no effect here; other warnings are shown.
      onLog(level, log, report) {
        if (log.code !== 'MODULE_LEVEL_DIRECTIVE') report(level, log);
      },
    },
  },
});
