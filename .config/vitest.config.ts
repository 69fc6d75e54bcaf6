import { defineConfig } from 'vitest/config';

/** Where to leave the results as JSON, besides. */
const results = process.env['KAZOO_TEST_RESULTS'];

export default defineConfig({
  test: {
    root: new URL('..', import.meta.url).pathname,
    include: ['test/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 2,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    reporters: results === undefined ? ['default'] : ['default', ['json', { outputFile: results }]],
    coverage: {
      provider: 'v8',
      include: ['src/**/*.ts'],
      exclude: ['src/quickstart.ts'],
      reporter: ['text-summary', 'json-summary'],
    },
  },
});
