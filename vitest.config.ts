import { defineConfig } from 'vitest/config'

/**
 * One project a kind of test (docs/testing.md). A file is a process of its own (`forks`): native
 * addons and traps on globals never leak into the next one.
 */
const suite = (name: string, include: string[], testTimeout: number, parallel = true) => ({
  test: { name, include, testTimeout, hookTimeout: testTimeout, fileParallelism: parallel }
})

export default defineConfig({
  test: {
    pool: 'forks',
    maxWorkers: 2,
    projects: [
      suite('tidy', ['test/tidy.test.ts', 'test/tidy/*.test.ts'], 60_000),
      suite('unit', ['test/unit/**/*.test.ts'], 20_000),
      suite('scenario', ['test/scenario/**/*.test.ts'], 20_000),
      suite('model', ['test/model/**/*.test.ts'], 60_000),
      suite('contract', ['test/contract/**/*.test.ts'], 30_000),
      // As many times longer as it makes more runs: see docs/testing.md.
      suite('fuzz', ['test/fuzz/**/*.test.ts'], 60_000 * Number(process.env.KEYMESH_FUZZ ?? 1)),
      suite('simulation', ['test/simulation/**/*.test.ts'], 300_000),
      // Real clocks and real elections: two clusters at once would disturb each other.
      suite('processes', ['test/processes/**/*.test.ts'], 120_000, false)
    ]
  }
})
