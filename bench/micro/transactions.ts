import { encodeBody } from '../../src/state/entry-body.ts'
import { loadSaved, NO_ROWS } from '../../src/state/meta.ts'
import { StateMachine } from '../../src/state/state-machine.ts'
import type { Overlay } from '../../src/storage/overlay.ts'
import { utf8 } from '../../src/wire/bytes.ts'
import { encodeCommand, type Operation } from '../../src/wire/command.ts'
import type { DataOperation } from '../../src/wire/data-operation.ts'
import { assert } from '../../src/world/assert.ts'
import { keep, type Section, timed, type Work } from './measure.ts'

// What one group applies for one transaction: a command of its own when it is alone, else those of
// the commit protocol, each in an entry, as they come one after the other.

const KEYS = Array.from({ length: 20_000 }, (_, i) => utf8(`bench/${i}`))
const VALUE = new Uint8Array(100).fill(0x61)
const TIME = 1_800_000_000_000
const SESSION = 'a'.repeat(32)
/** One for each line, so that none finds what another left; other parts are elsewhere. */
const GROUPS = { alone: 11, anchor: 12, participant: 13 }
const OTHER = 14
const ANCHOR = 1
const TERM = 1

/** The commands of transaction number `seq`, in their order. */
type Commands = (seq: number, writes: (count: number) => readonly DataOperation[]) => Operation[]

const alone: Commands = (_, writes) => {
  const part = { group: GROUPS.alone, basis: 0, checks: [], writes: writes(2) }
  return [{ type: 'transact', inOrder: false, parts: [part] }]
}

const anchor: Commands = (seq, writes) => {
  const written = { type: 'written', revision: 1 } as const
  const vote = { group: OTHER, applied: 1, results: [written] }
  return [
    { type: 'create', others: [OTHER], work: { checks: [], writes: writes(1) } },
    { type: 'commit', term: TERM, votes: [vote] },
    { type: 'forget', transactions: [{ session: SESSION, seq }] }
  ]
}

const participant: Commands = (_, writes) => {
  const work = { checks: [], writes: writes(1) }
  return [
    { type: 'prepare', anchor: ANCHOR, anchorBasis: 0, work },
    { type: 'resolve', committed: true }
  ]
}

const COMMANDS = { alone, anchor, participant }

function applies(name: string, overlay: Overlay, role: keyof typeof GROUPS): Work {
  const group = GROUPS[role]
  const options = { group, table: overlay.table(group) }
  const machine = new StateMachine(options, loadSaved(undefined, NO_ROWS))
  let seq = 0
  let drawn = 0
  const writes = (count: number): DataOperation[] =>
    Array.from({ length: count }, () => {
      const key = KEYS[(++drawn * 7_919) % KEYS.length] as Uint8Array
      return { type: 'put', key, value: VALUE }
    })
  const bodies = (): Uint8Array[] => {
    seq++
    const numbers = { session: SESSION, seq, ackedUpTo: seq - 1, basis: 0 }
    return COMMANDS[role](seq, writes).map((operation) =>
      encodeBody(TIME, [encodeCommand({ ...numbers, operation })])
    )
  }
  return {
    name,
    prepare: (count) => {
      const entries = Array.from({ length: count }, bodies).flat()
      return () => {
        for (const entry of entries) {
          const [answer] = machine.apply(machine.applied.index + 1, TERM, entry)
          assert(answer?.type === 'result', 'a command was rejected')
          const { type } = answer.result
          assert(type !== 'aborted' && type !== 'refused', 'a transaction did not run')
          keep(answer)
        }
      }
    }
  }
}

export function transactionSection(seconds: number, overlay: Overlay): Section {
  const works = [
    applies('2 puts, one group: transact', overlay, 'alone'),
    applies('1 put, anchor: create, commit, forget', overlay, 'anchor'),
    applies('1 put, participant: prepare, resolve', overlay, 'participant')
  ]
  return timed('State: commands of a transaction, 100 bytes on 20,000 keys', works, seconds)
}
