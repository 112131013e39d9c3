import { describe, expect, test } from 'vitest'
import {
  type Finding,
  languageFindings,
  outsideFindings,
  pureFindings,
  testFindings
} from './bans.ts'
import * as imports from './imports.ts'
import {
  brokenLinks,
  decisionViolations,
  lockGaps,
  machinePathViolations,
  missingScriptFiles,
  undocumentedCodes,
  unlistedPages
} from './pages.ts'
import { rewrap } from './rewrap.ts'
import { mirrorViolations, nameViolations, sizeViolations } from './sizes.ts'
import { type Source, sourceOf } from './source.ts'

// Goal: no rule of the tidy test is blind. Method: each is shown a planted violation, which it must
// name, and the nearest thing that is allowed, which it must leave alone.

type Rule = (source: Source) => readonly (string | Finding)[]

/** Rule, path, what it must name, what it must leave alone. */
const PLANTED: readonly (readonly [string, Rule, string, string, string])[] = [
  ['any', languageFindings, 'src/raft/x.ts', 'let a: any', 'let any = 1'],
  ['enum', languageFindings, 'src/raft/x.ts', 'enum A { B }', 'const A = { B: 1 }'],
  ['namespace', languageFindings, 'src/raft/x.ts', 'namespace A {}', 'const namespace = 1'],
  ['default', languageFindings, 'src/raft/x.ts', 'export default 1', 'export const a = 1'],
  [
    'parameter property',
    languageFindings,
    'src/raft/x.ts',
    'class A { constructor(readonly a: number) {} }',
    'class A { readonly a: number; constructor(a: number) { this.a = a } }'
  ],
  [
    'inheritance',
    languageFindings,
    'src/raft/x.ts',
    'class A extends B {}',
    'class A extends Error {}'
  ],
  ['todo', languageFindings, 'src/raft/x.ts', '// TODO later', '// Done: nothing to do'],
  ['fixme', languageFindings, 'test/x.ts', '/* FIXME */', '/* fixed */'],
  ['ts-ignore', languageFindings, 'src/raft/x.ts', '// @ts-ignore', '// typed'],
  ['ts-expect', languageFindings, 'src/x.ts', '// @ts-expect-error', '// expected'],
  ['ts-nocheck', languageFindings, 'test/x.ts', '// @ts-nocheck', '// @ts-expect-error: claim'],
  ['lint excuse', languageFindings, 'src/raft/x.ts', '// biome-ignore lint: x', '// biome'],
  ['locale', languageFindings, 'src/raft/x.ts', 'a.localeCompare(b)', 'a.compare(b)'],
  ['locale text', languageFindings, 'src/raft/x.ts', 'a?.toLocaleString()', 'a.toString()'],
  ['Date', outsideFindings, 'src/raft/x.ts', 'const a = Date.now()', 'const a = { Date: 1 }'],
  ['Date type', outsideFindings, 'src/raft/x.ts', 'let a: Date', 'let a: { Date: number }'],
  ['new Date', outsideFindings, 'src/raft/x.ts', 'new Date()', 'clock.Date'],
  ['date of', outsideFindings, 'src/raft/x.ts', 'Date(ms)', 'new Date(ms) instanceof Date'],
  ['clock', outsideFindings, 'src/raft/x.ts', 'performance.now()', 'clock.monotonic()'],
  ['chance', outsideFindings, 'src/raft/x.ts', 'Math.random()', 'Math.floor(1)'],
  ['crypto', outsideFindings, 'src/raft/x.ts', 'crypto.randomUUID()', 'random.bytes(8)'],
  ['timeout', outsideFindings, 'src/raft/x.ts', 'setTimeout(f, 1)', 'timers.after(1, f)'],
  ['interval', outsideFindings, 'src/raft/x.ts', 'setInterval(f, 1)', 'a.setInterval(f, 1)'],
  ['immediate', outsideFindings, 'src/raft/x.ts', 'setImmediate(f)', 'timers.soon(f)'],
  ['microtask', outsideFindings, 'src/raft/x.ts', 'queueMicrotask(f)', 'timers.soon(f)'],
  ['process', outsideFindings, 'src/raft/x.ts', 'process.exit(1)', 'function f(process: P) {}'],
  ['console', outsideFindings, 'src/raft/x.ts', 'console.log(1)', 'logger.log(1)'],
  ['signal', outsideFindings, 'src/raft/x.ts', 'AbortSignal.timeout(1)', 'AbortSignal.any([])'],
  ['global', outsideFindings, 'src/raft/x.ts', 'globalThis.x', 'const a = 1'],
  ['async', pureFindings, 'src/raft/x.ts', 'async function f() {}', 'function async() {}'],
  ['await', pureFindings, 'src/state/x.ts', 'await f()', 'f()'],
  ['promise', pureFindings, 'src/wire/x.ts', 'let a: Promise<void>', 'let a: { Promise: 1 }'],
  ['sort', pureFindings, 'src/keyspace/x.ts', 'a.sort()', 'a.sort((x, y) => x - y)'],
  ['sorted numbers', pureFindings, 'src/wire/x.ts', 'f(a).sort()', 'Int8Array.from(a).sort()'],
  ['sorted', pureFindings, 'src/keyspace/x.ts', 'a.toSorted()', 'a.toSorted(byName)'],
  ['inexact', pureFindings, 'src/state/x.ts', 'Math.pow(2, 3)', 'Math.imul(2, 3)'],
  ['pure file', pureFindings, 'src/client/machine.ts', 'await f()', 'f()'],
  ['only', testFindings, 'test/x.test.ts', 'test.only("a", f)', 'test("a", f)'],
  ['skip', testFindings, 'test/x.test.ts', 'describe.skip("a", f)', 'describe("a", f)'],
  ['mock', testFindings, 'test/x.test.ts', 'vi.fn()', 'vitest.fn()'],
  ['sleep', testFindings, 'test/x.test.ts', 'await sleep(1)', 'world.runUntil(1)'],
  ['unseeded', testFindings, 'test/x.test.ts', 'Math.random()', 'random.below(2)'],
  ['long line', sizeViolations, 'src/x.ts', `//${'x'.repeat(99)}`, `//${'x'.repeat(98)}`],
  ['long file', sizeViolations, 'src/x.ts', '//\n'.repeat(401), '//\n'.repeat(400)],
  [
    'long function',
    sizeViolations,
    'src/x.ts',
    `function f() {${'\n'.repeat(50)}}`,
    `function f() {${'\n'.repeat(49)}}`
  ],
  [
    'long method',
    sizeViolations,
    'src/x.ts',
    `class A { #f() {${'\n'.repeat(50)}} }`,
    `describe('chapter', () => {${'\n'.repeat(50)}})`
  ],
  [
    'long helper in a test',
    sizeViolations,
    'test/x.test.ts',
    `function f() {${'\n'.repeat(50)}}`,
    `function suite() {${'\n'.repeat(50)} test('a', b) }`
  ],
  [
    'many parameters',
    sizeViolations,
    'src/x.ts',
    'const f = (a, b, c, d, e) => 1',
    'const f = (a, b, c, d) => 1'
  ]
]

describe('rules about one file', () => {
  test.each(PLANTED)('%s', (...[, rule, path, bad, good]) => {
    expect(rule(sourceOf(path, bad))).toHaveLength(1)
    expect(rule(sourceOf(path, good))).toEqual([])
  })

  test('a type import, a dynamic one and a re-export count as imports', () => {
    const text = `
      import type { A } from './a.ts'
      export { b } from './b.ts'
      const c = await import('./c.ts')
      let d: import('./d.ts').D
      export * from './e.ts'`
    const targets = sourceOf('src/raft/x.ts', text).imports.map(({ target }) => target)
    expect(targets).toEqual(['a', 'b', 'c', 'd', 'e'].map((name) => `src/raft/${name}.ts`))
  })
})

/** A small house: each file is its path and the modules it imports. */
function house(files: Readonly<Record<string, readonly string[]>>): Source[] {
  return Object.entries(files).map(([path, specifiers]) =>
    sourceOf(path, specifiers.map((specifier) => `import '${specifier}'`).join('\n'))
  )
}

describe('rules about imports', () => {
  test('floors: up and sideways are named, down is not', () => {
    const up = house({ 'src/raft/a.ts': ['../state/b.ts'] })
    const sideways = house({ 'src/raft/a.ts': ['../transport/b.ts'] })
    const stranger = house({ 'src/raft/a.ts': ['../attic/b.ts', '../../test/c.ts'] })
    const down = house({ 'src/state/a.ts': ['../raft/b.ts', './c.ts', '../world/d.ts'] })
    expect(imports.floorViolations(up)).toHaveLength(1)
    expect(imports.floorViolations(sideways)).toHaveLength(1)
    expect(imports.floorViolations(stranger)).toHaveLength(2)
    expect(imports.floorViolations(down)).toEqual([])
  })

  test('pure: a shell room is named, a port is not', () => {
    const impure = house({ 'src/state/a.ts': ['../transport/b.ts'] })
    expect(imports.pureViolations(impure)).toHaveLength(1)
    const pure = house({ 'src/state/a.ts': ['../raft/b.ts', '../world/clock.ts'] })
    expect(imports.pureViolations(pure)).toEqual([])
  })

  test('packages: one away from home and one nobody knows are named', () => {
    const bad = house({
      'src/raft/a.ts': ['libp2p', '@libp2p/tcp', 'left-pad'],
      'src/client/b.ts': ['classic-level', 'fastify']
    })
    expect(imports.packageViolations(bad)).toHaveLength(5)
    const good = house({
      'src/transport/libp2p-links.ts': ['libp2p', '@libp2p/tcp'],
      'src/storage/level.ts': ['classic-level', 'node:path']
    })
    expect(imports.packageViolations(good)).toEqual([])
  })

  test('adapters: misplaced ones and those who reach them are named', () => {
    const none = new Set<string>()
    const misplaced = house({ 'src/partition/a.ts': ['node:fs'] })
    expect(imports.adapterViolations(misplaced, none)).toHaveLength(1)
    const clocked = house({ 'src/partition/a.ts': [] })
    expect(imports.adapterViolations(clocked, new Set(['src/partition/a.ts']))).toHaveLength(1)
    const reached = house({
      'src/storage/file-disk.ts': ['node:fs'],
      'src/partition/a.ts': ['../storage/file-disk.ts']
    })
    expect(imports.adapterViolations(reached, none)).toHaveLength(1)
    const through = house({
      'src/storage/level.ts': ['classic-level'],
      'src/storage/store.ts': ['./level.ts'],
      'src/partition/a.ts': ['../storage/store.ts']
    })
    expect(imports.adapterViolations(through, none)).toHaveLength(1)
    const composed = house({
      'src/storage/file-disk.ts': ['node:fs'],
      'src/node/compose.ts': ['../storage/file-disk.ts', 'node:path'],
      'src/node/index.ts': ['./compose.ts']
    })
    expect(imports.adapterViolations(composed, none)).toEqual([])
  })

  test('the client: a way to storage is named however long it is', () => {
    const long = house({
      'src/client/index.ts': ['./connect.ts'],
      'src/client/connect.ts': ['../wire/a.ts'],
      'src/wire/a.ts': ['../storage/log.ts'],
      'src/storage/log.ts': []
    })
    expect(imports.clientReachViolations(long)).toHaveLength(1)
    const short = house({ 'src/client/index.ts': ['../wire/a.ts'], 'src/wire/a.ts': [] })
    expect(imports.clientReachViolations(short)).toEqual([])
  })

  test('dead files and barrels', () => {
    const files = { 'src/node/index.ts': ['./a.ts'], 'src/node/a.ts': [], 'src/raft/b.ts': [] }
    expect(imports.deadFiles(house(files), [])).toHaveLength(1)
    const simulation = house({ 'src/simulation/world.ts': [] })
    const user = house({ 'test/simulation/a.test.ts': ['../../src/simulation/world.ts'] })
    expect(imports.deadFiles(simulation, user)).toEqual([])
    expect(imports.deadFiles(simulation, [])).toHaveLength(1)
    const barrel = [sourceOf('src/raft/all.ts', `export { a } from './a.ts'`)]
    expect(imports.barrelViolations(barrel)).toHaveLength(1)
    expect(imports.barrelViolations([sourceOf('src/raft/a.ts', 'export const a = 1')])).toEqual([])
  })
})

test('rewrap moves the words that stand out, and only those', () => {
  const long = '// one two three\n// four\n\ncode(one, two, three, four)'
  expect(rewrap(long, 12)).toBe('// one two\n// three\n// four\n\ncode(one, two, three, four)')
  expect(rewrap('  /** one two */', 12)).toBe('  /**\n   * one two\n   */')
  const doc = '/** one two three\n * four\n */'
  expect(rewrap(doc, 12)).toBe('/** one two\n * three\n * four\n */')
  expect(rewrap('// one two three\n// - four', 12)).toBe('// one two\n// three\n// - four')
  expect(rewrap('// - one two three\n//   four', 14)).toBe('// - one two\n//   three\n//   four')
  expect(rewrap('// short', 12)).toBe('// short')
})

describe('rules about names and pages', () => {
  test('names', () => {
    const bad = ['src/raft/readIndex.ts', 'src/raft/utils.ts', 'src/helpers/a.ts', 'src/a_b.ts']
    expect(nameViolations(bad)).toHaveLength(4)
    expect(nameViolations(['src/raft/read-index.property.test.ts', 'vitest.config.ts'])).toEqual([])
    const rooms = new Set(['raft'])
    expect(mirrorViolations(['test/unit/attic/a.test.ts'], rooms)).toHaveLength(1)
    expect(mirrorViolations(['test/unit/a.test.ts'], rooms)).toHaveLength(1)
    expect(mirrorViolations(['test/unit/raft/a.test.ts', 'test/fuzz/a.ts'], rooms)).toEqual([])
  })

  test('machine paths', () => {
    const bad = [{ path: 'a.md', text: 'see `/home/me/keymesh` and (/root/x)' }]
    expect(machinePathViolations(bad)).toHaveLength(2)
    const good = [{ path: 'a.md', text: 'PUT /v1/kv/home and https://example.org/home/a' }]
    expect(machinePathViolations(good)).toEqual([])
  })

  test('error codes', () => {
    const codes = { conflict: { status: 412 }, gone: { status: 410 } }
    const page = '| `conflict` | 412 | no |\n| `gone` | 404 | no |'
    expect(undocumentedCodes(codes, page)).toHaveLength(1)
    expect(undocumentedCodes({ conflict: { status: 412 } }, page)).toEqual([])
  })

  test('links', () => {
    const text = '[a](b.md) [c](d.md#part) [e](https://example.org) [f](#here)'
    const pages = [{ path: 'docs/a.md', text }]
    expect(brokenLinks(pages, (path) => path === 'docs/b.md')).toHaveLength(1)
    expect(brokenLinks(pages, () => true)).toEqual([])
    expect(unlistedPages(['a.md', 'b.md', 'README.md'], '[b](b.md)')).toHaveLength(1)
    expect(unlistedPages(['b.md', 'README.md', 'decisions'], '[b](b.md)')).toEqual([])
  })

  test('scripts', () => {
    const scripts = { a: 'tsc && node a/b.ts', b: 'node bin/c.js --x', c: 'vitest run' }
    expect(missingScriptFiles(scripts, (file) => file === 'a/b.ts')).toHaveLength(1)
    expect(missingScriptFiles(scripts, () => true)).toEqual([])
  })

  test('decisions and the lock', () => {
    expect(decisionViolations(['0001-a.md', '0001-b.md'])).toHaveLength(1)
    expect(decisionViolations(['a.md'])).toHaveLength(1)
    expect(decisionViolations(['0001-a.md', '0002-b.md'])).toEqual([])
    const root = { optionalDependencies: { a: '1' } }
    expect(lockGaps({ packages: { '': root } })).toHaveLength(1)
    expect(lockGaps({ packages: { '': root, 'node_modules/a': {} } })).toEqual([])
  })
})
