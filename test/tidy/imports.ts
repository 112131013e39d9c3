import {
  ADAPTER_HOMES,
  COMPOSERS,
  ENTRIES,
  FLOORS,
  PACKAGE_HOMES,
  PURE_FILES,
  PURE_MODULES,
  PURE_ROOMS
} from './rooms.ts'
import { roomOf, type Source } from './source.ts'

// Rules about who imports whom. Each returns one line per violation; none is silenced by a comment.

export function floorViolations(sources: readonly Source[]): string[] {
  return eachImport(sources, (source, target) => {
    const from = roomOf(source.path)
    const to = roomOf(target)
    if (from === undefined) return undefined
    if (to === undefined) return `a file outside the rooms: ${target}`
    if (from === to) return undefined
    if (rowOf(to) === -1) return `${to} is no room: add it to the floors`
    if (rowOf(to) < rowOf(from)) return undefined
    return `${from} may not import ${to}: imports point down the floors of docs/architecture.md`
  })
}

export function pureViolations(sources: readonly Source[]): string[] {
  return eachImport(sources, (source, target) => {
    if (!isPure(source.path) || isPure(target)) return undefined
    const to = roomOf(target)
    // Ports, assert and the seeded random source; its adapters are guarded by their own rule.
    if (to === 'world' || to === roomOf(source.path)) return undefined
    return `a pure room imports pure rooms only, and ${to} is not: take it as an argument`
  })
}

export function packageViolations(sources: readonly Source[]): string[] {
  const found: string[] = []
  for (const source of sources) {
    for (const { specifier, target, line } of source.imports) {
      if (target !== undefined || specifier.startsWith('node:')) continue
      const home = PACKAGE_HOMES.find(([name]) => name.test(specifier))
      if (home?.[1].test(source.path)) continue
      const where = home === undefined ? 'by nothing in src' : `only by ${home[1].source}`
      found.push(`${source.path}:${line} ${specifier} may be imported ${where}`)
    }
  }
  return found
}

/** `namesOutside`: the paths of files that name the real world by a global (see bans.ts). */
export function adapterViolations(
  sources: readonly Source[],
  namesOutside: ReadonlySet<string>
): string[] {
  const adapters = adaptersOf(sources, namesOutside)
  const misplaced = [...adapters]
    .filter((path) => !matches(ADAPTER_HOMES, path) && !matches(COMPOSERS, path))
    .map((path) => `${path} names the outside and is no adapter: take a port of src/world instead`)
  const reached = eachImport(sources, (source, target) => {
    if (!adapters.has(target) || matches(COMPOSERS, target)) return undefined
    if (matches(COMPOSERS, source.path) || adapters.has(source.path)) return undefined
    return `only ${COMPOSERS.map((c) => c.source).join(', ')} may import the adapter ${target}`
  })
  return [...misplaced, ...reached]
}

/** What a user of `keymesh` loads must not reach the storage or its native addon, by any path. */
export function clientReachViolations(sources: readonly Source[]): string[] {
  const byPath = new Map(sources.map((source) => [source.path, source]))
  return [...reachable(byPath, ['src/client/index.ts'])]
    .filter((path) => {
      const heavy = byPath.get(path)?.imports.some((i) => i.specifier === 'classic-level')
      return heavy || roomOf(path) === 'storage'
    })
    .map((path) => `${path} is loaded by the client, which must not reach storage`)
}

/** Files nothing leads to. Simulation is led to by tests. */
export function deadFiles(sources: readonly Source[], tests: readonly Source[]): string[] {
  const byPath = new Map(sources.map((source) => [source.path, source]))
  const simulation = tests
    .flatMap((test) => test.imports.map((i) => i.target ?? ''))
    .filter((path) => roomOf(path) === 'simulation')
  const alive = reachable(byPath, [...ENTRIES, ...simulation])
  return sources
    .filter(({ path }) => !alive.has(path))
    .map(({ path }) => `${path} is reached from no entry point: use it or remove it`)
}

export function barrelViolations(sources: readonly Source[]): string[] {
  const allowed = new Set(['src/client/index.ts', 'src/node/index.ts'])
  return sources
    .filter(({ path, tree }) => {
      if (allowed.has(path)) return false
      const body = tree.body as readonly { type: string; source?: unknown }[]
      const passesOn = body.some((s) => s.type.startsWith('Export') && s.source)
      return passesOn || /\/index\.ts$/.test(path)
    })
    .map(
      ({ path }) => `${path} hands on what others define: import the file that defines the thing`
    )
}

function eachImport(
  sources: readonly Source[],
  judge: (source: Source, target: string) => string | undefined
): string[] {
  const found: string[] = []
  for (const source of sources) {
    for (const { target, line } of source.imports) {
      if (target === undefined) continue
      const complaint = judge(source, target)
      if (complaint !== undefined) found.push(`${source.path}:${line} ${complaint}`)
    }
  }
  return found
}

/** Files that name the outside, and those that stand on one of them within their room. */
function adaptersOf(sources: readonly Source[], namesOutside: ReadonlySet<string>): Set<string> {
  const adapters = new Set(
    sources.filter((s) => namesOutside.has(s.path) || importsOutside(s)).map((s) => s.path)
  )
  const standsOn = (source: Source): boolean =>
    source.imports.some(
      ({ target }) =>
        target !== undefined &&
        adapters.has(target) &&
        !matches(COMPOSERS, target) &&
        roomOf(target) === roomOf(source.path)
    )
  for (let before = -1; before < adapters.size; ) {
    before = adapters.size
    for (const source of sources) {
      if (!matches(COMPOSERS, source.path) && standsOn(source)) adapters.add(source.path)
    }
  }
  return adapters
}

function importsOutside(source: Source): boolean {
  return source.imports.some(
    ({ specifier, target }) => target === undefined && !PURE_MODULES.has(specifier)
  )
}

function reachable(byPath: ReadonlyMap<string, Source>, from: readonly string[]): Set<string> {
  const seen = new Set<string>()
  const open = [...from]
  for (let path = open.pop(); path !== undefined; path = open.pop()) {
    const source = byPath.get(path)
    if (seen.has(path) || source === undefined) continue
    seen.add(path)
    for (const { target } of source.imports) if (target !== undefined) open.push(target)
  }
  return seen
}

function rowOf(room: string): number {
  return FLOORS.findIndex((row) => row.includes(room))
}

export function isPure(path: string): boolean {
  return PURE_ROOMS.has(roomOf(path) ?? '') || PURE_FILES.has(path)
}

function matches(patterns: readonly RegExp[], path: string): boolean {
  return patterns.some((pattern) => pattern.test(path))
}
