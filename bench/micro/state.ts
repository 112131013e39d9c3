import { mkdtempSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { encodeBody } from '../../src/state/entry-body.ts'
import { loadSaved, NO_ROWS } from '../../src/state/meta.ts'
import { StateMachine } from '../../src/state/state-machine.ts'
import { openLevel } from '../../src/storage/level.ts'
import { Overlay } from '../../src/storage/overlay.ts'
import { utf8 } from '../../src/wire/bytes.ts'
import { encodeCommand } from '../../src/wire/command.ts'
import { assert } from '../../src/world/assert.ts'
import { keep, type Section, timed, type Work } from './measure.ts'
import { transactionSection } from './transactions.ts'

// Committed puts applied: session table, key records, hash of the state, and the overlay over a
// real LevelDB.

const KEYS = Array.from({ length: 20_000 }, (_, i) => utf8(`bench/${i}`))
const VALUE = new Uint8Array(100).fill(0x61)
const TIME = 1_800_000_000_000

/** Makes the entries of one group, one after the other, as clients would fill them. */
class Entries {
  readonly machine: StateMachine
  readonly #sessions: readonly string[]
  readonly #seqs: number[]
  #next = 0

  constructor(overlay: Overlay, group: number, sessions: number) {
    const options = { group, table: overlay.table(group) }
    this.machine = new StateMachine(options, loadSaved(undefined, NO_ROWS))
    this.#sessions = Array.from({ length: sessions }, (_, i) => i.toString(16).padStart(32, '0'))
    this.#seqs = this.#sessions.map(() => 0)
  }

  make(commands: number): Uint8Array {
    return encodeBody(
      TIME,
      Array.from({ length: commands }, () => this.#command())
    )
  }

  #command(): Uint8Array {
    const who = this.#next++ % this.#sessions.length
    const seq = (this.#seqs[who] ?? 0) + 1
    this.#seqs[who] = seq
    const key = KEYS[(this.#next * 7_919) % KEYS.length] as Uint8Array
    const session = this.#sessions[who] as string
    const operation = { type: 'put', key, value: VALUE } as const
    return encodeCommand({ session, seq, ackedUpTo: seq - 1, basis: 0, operation })
  }
}

function applies(overlay: Overlay, group: number, shape: [batch: number, sessions: number]): Work {
  const [batch, sessions] = shape
  const entries = new Entries(overlay, group, sessions)
  return {
    name: `apply, ${batch} in an entry, ${sessions} sessions`,
    step: batch,
    prepare: (count) => {
      const bodies = Array.from({ length: count / batch }, () => entries.make(batch))
      return () => {
        const { machine } = entries
        for (const body of bodies) {
          const answers = machine.apply(machine.applied.index + 1, 1, body)
          assert(answers[0]?.type === 'result', 'a command was rejected')
        }
        keep(machine)
      }
    }
  }
}

function reads(entries: Entries): Work {
  for (let i = 0; i < KEYS.length; i++) {
    entries.machine.apply(entries.machine.applied.index + 1, 1, entries.make(1))
  }
  return {
    name: 'read a key',
    prepare: (count) => () => {
      for (let i = 0; i < count; i++) {
        keep(entries.machine.read(KEYS[(i * 7_919) % KEYS.length] as Uint8Array))
      }
    }
  }
}

export async function stateSections(seconds: number, base: string): Promise<Section[]> {
  const directory = mkdtempSync(join(base, 'state-'))
  const store = await openLevel(join(directory, 'state'))
  const overlay = new Overlay(store, {
    onFault: (fault) => {
      throw fault
    }
  })
  const works = [
    applies(overlay, 1, [1, 1]),
    applies(overlay, 2, [16, 1]),
    applies(overlay, 3, [16, 256]),
    reads(new Entries(overlay, 4, 1))
  ]
  const puts = timed('State: puts of 100 bytes on 20,000 keys', works, seconds)
  const transactions = transactionSection(seconds, overlay)
  await new Promise<void>((resolve) => overlay.close(resolve))
  rmSync(directory, { recursive: true })
  return [puts, transactions]
}
