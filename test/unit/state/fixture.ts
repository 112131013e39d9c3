import { encodeBody } from '../../../src/state/entry-body.ts'
import {
  LOCK_PREFIX,
  META_KEY,
  SESSION_PREFIX,
  TRANSACTION_PREFIX
} from '../../../src/state/layout.ts'
import { loadSaved, NO_ROWS, type Saved } from '../../../src/state/meta.ts'
import { type Answer, StateMachine } from '../../../src/state/state-machine.ts'
import type { Table } from '../../../src/state/table.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { encodeCommand, type Operation } from '../../../src/wire/command.ts'
import { hex } from '../../../src/wire/session-id.ts'

/** A table that remembers, and can be restored from: what overlay and LevelDB are together. */
export class MapTable implements Table {
  readonly records = new Map<string, readonly [Uint8Array, Uint8Array]>()

  get(key: Uint8Array): Uint8Array | undefined {
    return this.records.get(hex(key))?.[1]
  }

  set(key: Uint8Array, value: Uint8Array | undefined): void {
    if (value === undefined) this.records.delete(hex(key))
    else this.records.set(hex(key), [key, value])
  }

  /** What a start reads from it. `backwards`: records in the opposite order. */
  saved(backwards = false): Saved {
    const under = (prefix: Uint8Array) => {
      const rows = [...this.records.values()].filter(([key]) => key[0] === prefix[0])
      return backwards ? rows.reverse() : rows
    }
    return loadSaved(this.get(META_KEY), {
      sessions: under(SESSION_PREFIX),
      transactions: under(TRANSACTION_PREFIX),
      locks: under(LOCK_PREFIX)
    })
  }

  copy(): MapTable {
    const copy = new MapTable()
    for (const [key, record] of this.records) copy.records.set(key, record)
    return copy
  }

  /** All of it as text, in key order. */
  dump(): string {
    const lines = [...this.records].map(([key, [, value]]) => `${key} ${hex(value)}`)
    return lines.sort().join('\n')
  }
}

export const SESSION = '0123456789abcdef0123456789abcdef'

/** Puts single operations through a machine, as one well-behaved session would. */
export class Runner {
  readonly table = new MapTable()
  readonly machine: StateMachine
  time = 1_000_000
  #seq = 0

  constructor(group = 1) {
    this.machine = new StateMachine({ group, table: this.table }, loadSaved(undefined, NO_ROWS))
  }

  run(operation: Operation): Answer {
    const { index } = this.machine.applied
    this.#seq++
    const numbers = { session: SESSION, seq: this.#seq, ackedUpTo: this.#seq - 1, basis: index }
    const body = encodeBody(this.time, [encodeCommand({ ...numbers, operation })])
    return this.machine.apply(index + 1, 1, body)[0] as Answer
  }

  put(key: string, value: string, more: { ttlMs?: number; ifRevision?: number } = {}): Answer {
    return this.run({ type: 'put', key: utf8(key), value: utf8(value), ...more })
  }

  increment(key: string, by: number, more: { ifRevision?: number } = {}): Answer {
    return this.run({ type: 'increment', key: utf8(key), by, ...more })
  }

  touch(key: string, ttlMs?: number, more: { ifRevision?: number } = {}): Answer {
    const ttl = ttlMs === undefined ? {} : { ttlMs }
    return this.run({ type: 'touch', key: utf8(key), ...ttl, ...more })
  }

  delete(key: string, more: { ifRevision?: number } = {}): Answer {
    return this.run({ type: 'delete', key: utf8(key), ...more })
  }

  /** Value, revision, created, expiresAt. */
  read(key: string): readonly [string, number, number, number | undefined] | undefined {
    const record = this.machine.read(utf8(key))
    if (record === undefined) return undefined
    const value = new TextDecoder().decode(record.value)
    return [value, record.revision, record.created, record.expiresAt]
  }
}
