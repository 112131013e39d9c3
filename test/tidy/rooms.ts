/**
 * From the ground up: a room may import itself and rooms of lower rows. Same as
 * docs/architecture.md.
 */
export const FLOORS: readonly (readonly string[])[] = [
  ['world'],
  ['wire'],
  ['keyspace', 'raft', 'transport'],
  ['state'],
  ['client', 'storage'],
  ['partition', 'transaction'],
  ['control'],
  ['gateway'],
  ['node'],
  ['cli', 'simulation']
]

/** Synchronous, closed, and built on nothing else but pure rooms and the ports of `world`. */
export const PURE_ROOMS: ReadonlySet<string> = new Set(['wire', 'raft', 'keyspace', 'state'])

/** Pure files of rooms that are not pure as a whole. */
export const PURE_FILES: ReadonlySet<string> = new Set([
  'src/client/machine.ts',
  'src/transaction/coordinator.ts'
])

/** Files other code reaches only from outside: what package.json exports and starts. */
export const ENTRIES: readonly string[] = [
  'src/client/index.ts',
  'src/node/index.ts',
  'src/cli/main.ts'
]

/**
 * Where a file may name the outside (node: modules, packages with effects, the real clock). Such a
 * file is an adapter: only COMPOSERS and adapters of its own room import it, so that everything
 * else runs in the simulator.
 */
export const ADAPTER_HOMES: readonly RegExp[] = [
  /^src\/world\//,
  /^src\/storage\//,
  /^src\/transport\/(libp2p|identity)/,
  /^src\/gateway\/http/,
  /^src\/cli\//
]

/** The files that put real parts together. */
export const COMPOSERS: readonly RegExp[] = [
  /^src\/node\/(compose|data-directory|make-directory)\.ts$/,
  /^src\/client\/connect\.ts$/,
  /^src\/cli\//
]

/**
 * Which files may import which packages. One that is not listed may not be imported by src at all.
 */
export const PACKAGE_HOMES: readonly (readonly [name: RegExp, homes: RegExp])[] = [
  [/^classic-level$/, /^src\/storage\//],
  [
    /^(libp2p|@libp2p\/.*|@chainsafe\/libp2p-.*|@multiformats\/.*)$/,
    /^src\/(transport\/(libp2p|identity)|node\/compose\.ts$|client\/connect\.ts$)/
  ],
  [/^fastify$/, /^src\/(gateway\/http|node\/compose\.ts$)/],
  [/^typebox\/schema$/, /^src\/gateway\/json-body\.ts$/],
  [/^prom-client$/, /^src\/gateway\/http/],
  [/^pino$/, /^src\/(world\/|node\/compose\.ts$|cli\/)/],
  [/^commander$/, /^src\/cli\//],
  [/^msgpackr(\/pack)?$/, /^src\/(wire|transport|client)\//],
  [/^xxhash-wasm$/, /^src\/keyspace\//],
  [/^tinyqueue$/, /^src\/simulation\//]
]

/** Modules that only compute (of node:zlib, its checksum): naming one makes no adapter. */
export const PURE_MODULES: ReadonlySet<string> = new Set([
  'msgpackr',
  'msgpackr/pack',
  'xxhash-wasm',
  'tinyqueue',
  'typebox/schema',
  'node:zlib'
])

/** The one wait in the pure rooms: WebAssembly is compiled once, at the start, and not at once. */
export const ASYNC_LOADERS: ReadonlySet<string> = new Set(['src/keyspace/hash.ts'])
