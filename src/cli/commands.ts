import { checkOptions } from '../node/options.ts'
import type { Answer, Told } from './answer.ts'
import type { ClientCall } from './call.ts'
import { CLIENT_SETTINGS, CONSISTENCY } from './client-settings.ts'
import {
  count,
  duration,
  flag,
  type Given,
  type Setting,
  type Sources,
  setting,
  type Vocabulary
} from './settings.ts'
import { START_SETTINGS, startSettings } from './start-settings.ts'

interface Described {
  /** Words: `cluster nodes` is a command of the group `cluster`. */
  readonly name: string
  /** Each with what it means; one that may be left out is in brackets. */
  readonly words: readonly (readonly [name: string, help: string])[]
  readonly summary: string
  readonly vocabulary: Vocabulary
  /** Lines of the help that show it at work. */
  readonly examples: readonly string[]
}

/** A command that asks a cluster something, and ends. */
export interface ClientCommand extends Described {
  readonly kind: 'client'
  run(call: ClientCall): Promise<Answer | Told>
}

/** A command that goes on until it is stopped, and says by itself what there is to say. */
export interface NodeCommand extends Described {
  readonly kind: 'node'
  run(given: Given, sources: Sources): Promise<void>
}

export type CliCommand = ClientCommand | NodeCommand

/** What any command may find in a configuration file: they share one. */
const KNOWN: readonly Setting[] = [...START_SETTINGS, ...CLIENT_SETTINGS, CONSISTENCY]

const BASE64URL = flag('base64url', 'KEY is base64url: for keys that are not UTF-8')
const IF_REVISION = count('ifRevision', 'R', 'only if the key is at revision R; 0: if it is absent')
const PREFIX = setting('prefix', 'P', 'all keys that begin with it')
const KEY = ['KEY', 'text, or base64url with --base64url'] as const

// Each loads what it needs when it is called: the parts of a node must not slow a `get` down.
const start: NodeCommand = {
  kind: 'node',
  name: 'start',
  words: [],
  summary: 'run a node',
  vocabulary: { settings: START_SETTINGS, flags: [], known: KNOWN },
  examples: [
    'keymesh start --bootstrap                          a cluster of one, on this machine',
    'keymesh start --seed /ip4/10.0.0.1/tcp/7101 …      one node more for the cluster there'
  ],
  run: async (given, sources) => {
    const settings = startSettings(given, sources)
    checkOptions(settings.node)
    await (await import('./start.ts')).start(settings)
  }
}

const get: ClientCommand = {
  kind: 'client',
  name: 'get',
  words: [KEY],
  summary: 'write the value of a key to standard output',
  vocabulary: vocabulary([...CLIENT_SETTINGS, CONSISTENCY], [BASE64URL]),
  examples: [
    'keymesh get user:1                the value, byte for byte',
    'keymesh get user:1 --json         with its revision, and expiresIn if it has a ttl'
  ],
  run: async (call) => (await import('./get.ts')).get(call)
}

const put: ClientCommand = {
  kind: 'client',
  name: 'put',
  words: [KEY, ['VALUE', 'text; - for standard input, up to 1 MiB']],
  summary: 'write a value',
  vocabulary: vocabulary(CLIENT_SETTINGS, [
    duration('ttl', 'the key expires after it, as 500ms, 10s, 5m, 2h, 1d'),
    IF_REVISION,
    flag('ifAbsent', 'only if there is no such key'),
    BASE64URL
  ]),
  examples: [
    'keymesh put user:1 Ada',
    'keymesh put logo - < logo.png',
    'keymesh put job mine --if-absent --ttl 10s',
    'keymesh put -- -key -value        words that begin with - come after --'
  ],
  run: async (call) => (await import('./put.ts')).put(call)
}

const remove: ClientCommand = {
  kind: 'client',
  name: 'delete',
  words: [['[KEY]', KEY[1]]],
  summary: 'delete a key, or all that begin with a prefix',
  vocabulary: vocabulary(CLIENT_SETTINGS, [PREFIX, IF_REVISION, BASE64URL]),
  examples: [
    'keymesh delete user:1',
    'keymesh delete user:1 --if-revision 17',
    'keymesh delete --prefix user:     one after the other, not at one moment'
  ],
  run: async (call) => (await import('./delete.ts')).remove(call)
}

const scan: ClientCommand = {
  kind: 'client',
  name: 'scan',
  words: [],
  summary: 'list keys in the order of their bytes',
  vocabulary: vocabulary(
    [...CLIENT_SETTINGS, CONSISTENCY],
    [
      PREFIX,
      setting('start', 'KEY', 'that key and those after it'),
      setting('end', 'KEY', 'those before that key'),
      count('limit', 'N', 'so many at most'),
      flag('keysOnly', 'without their values'),
      flag('reverse', 'from the last to the first'),
      flag('base64url', 'keys are base64url, in options and answers')
    ]
  ),
  examples: [
    'keymesh scan --prefix user: --limit 10',
    'keymesh scan --start 2026-01 --end 2026-02 --keys-only',
    'keymesh scan --reverse --limit 1 --json          the last key of all'
  ],
  run: async (call) => (await import('./scan.ts')).scan(call)
}

const watch: ClientCommand = {
  kind: 'client',
  name: 'watch',
  words: [['[KEY]', 'the one key; or --prefix']],
  summary: 'tell every change of a key, or of keys with a prefix, as it happens',
  vocabulary: vocabulary(CLIENT_SETTINGS, [
    PREFIX,
    setting('from', 'CURSOR', 'go on behind the change with this cursor: see --json'),
    flag('base64url', 'keys are base64url, in options and answers')
  ]),
  examples: [
    'keymesh watch user:1',
    "keymesh watch --prefix ''                         all keys",
    'keymesh watch --prefix user: --json               a line of JSON each, with its cursor'
  ],
  run: async (call) => (await import('./watch.ts')).watch(call)
}

const txn: ClientCommand = {
  kind: 'client',
  name: 'txn',
  words: [['[FILE]', 'what to do, in lines or JSON; - or nothing: standard input']],
  summary: 'read and write several keys at one moment: all of it or nothing',
  vocabulary: vocabulary(CLIENT_SETTINGS, [
    setting('id', 'ID', 'run nothing: tell what became of the transaction ID'),
    flag('base64url', 'every KEY is base64url: for keys that are not UTF-8')
  ]),
  examples: [
    "printf 'put a 1\\nput b 2' | keymesh txn         both or neither",
    'keymesh txn transfer.txt                         with a file of lines as these:',
    '',
    '  # Take the seat if it is free, else tell who has it. Conditions come first.',
    '  if seat:12A absent',
    '  if balance:ada = 100',
    "  put seat:12A 'Ada L.' ttl 15m                # quotes around what has spaces",
    '  increment balance:ada -100',
    '  delete waiting:ada',
    '  else',
    '  get seat:12A',
    '',
    'Lines, each one condition or operation:',
    '  if KEY revision R         0: only if there is no such key',
    '  if KEY exists',
    '  if KEY absent',
    '  if KEY = VALUE',
    '  if KEY lock TOKEN         the lock of KEY is held with this token',
    '  put KEY VALUE [ttl TIME]',
    '  delete KEY',
    '  get KEY                   with what earlier lines did',
    '  increment KEY [BY]        by 1 unless given',
    '  else                      what comes after it runs if a condition does not hold',
    '  "…" has the escapes of JSON, \'…\' has none; # begins a comment.',
    '  Or the JSON of POST /v1/txn: {"if":[…],"ops":[…],"else":[…]}.',
    '  Exit code 1: a condition does not hold, and what stands after else was run.'
  ],
  run: async (call) => (await import('./txn.ts')).txn(call)
}

const lock: ClientCommand = {
  kind: 'client',
  name: 'lock',
  words: [KEY, ['[COMMAND...]', 'what to run while the lock is held, after --']],
  summary: 'run a command while a lock is held',
  vocabulary: vocabulary(CLIENT_SETTINGS, [
    duration('ttl', 'the lock is free so long after this command vanished (default 10s)'),
    duration('wait', 'how long to wait for it; 0s: not at all (default: for ever)'),
    flag('shared', 'beside others who share it'),
    setting('owner', 'TEXT', 'who holds it, for others to see (default: host and pid)'),
    BASE64URL
  ]),
  examples: [
    'keymesh lock backup -- ./backup.sh          one at a time in the whole cluster',
    'keymesh lock backup --wait 0s -- ./backup.sh || echo somebody is at it',
    '',
    'COMMAND has KEYMESH_LOCK_KEY and KEYMESH_LOCK_TOKEN in its environment: what it writes to',
    'the store under that fence is refused once the lock is another’s. If the lock is lost it',
    'gets SIGTERM. The exit code is that of COMMAND; 1 if the lock was not got.'
  ],
  run: async (call) => (await import('./lock.ts')).lock(call)
}

const status: ClientCommand = {
  kind: 'client',
  name: 'status',
  words: [],
  summary: 'tell whether the cluster is there and whole',
  vocabulary: vocabulary(CLIENT_SETTINGS, []),
  examples: [
    'keymesh status || alert           1 if a partition has no leader, 3 if nobody answers',
    'keymesh status --json'
  ],
  run: async (call) => (await import('./status.ts')).status(call)
}

const nodes: ClientCommand = {
  kind: 'client',
  name: 'cluster nodes',
  words: [],
  summary: 'list the nodes, as the one that answers sees them',
  vocabulary: vocabulary(CLIENT_SETTINGS, []),
  examples: ['keymesh cluster nodes', 'keymesh cluster nodes --json    with whole ids'],
  run: async (call) => (await import('./tables.ts')).nodes(call)
}

const partitions: ClientCommand = {
  kind: 'client',
  name: 'cluster partitions',
  words: [],
  summary: 'list the partitions with their leaders and replicas',
  vocabulary: vocabulary(CLIENT_SETTINGS, []),
  examples: ['keymesh cluster partitions', 'keymesh cluster partitions --json    with whole ids'],
  run: async (call) => (await import('./tables.ts')).partitions(call)
}

/** First words of commands of two words. */
export const GROUPS: Readonly<Record<string, string>> = { cluster: 'look at the cluster' }

/** In the order of the help. */
export const COMMANDS: readonly CliCommand[] = [
  start,
  status,
  get,
  put,
  remove,
  scan,
  watch,
  txn,
  lock,
  nodes,
  partitions
]

function vocabulary(settings: readonly Setting[], flags: readonly Setting[]): Vocabulary {
  return { settings, flags, known: KNOWN }
}
