import { defineConfig, type Plugin } from 'vite';

import { operations } from './operations.mjs';

/** The collection of operations, as the module that the page imports. */
const collection: Plugin = {
  name: 'operations',
  resolveId: (id) => (id === 'virtual:operations' ? `\0${id}` : undefined),
  load: (id) => (id === '\0virtual:operations' ? `export default ${JSON.stringify(operations())};` : undefined),
};

// The gateway serves index.html at /graphql and everything else below /graphql/explorer/.
export default defineConfig({
  base: '/graphql/explorer/',
  publicDir: false,
  plugins: [collection],
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
