import type { Replica } from '../partition/replica.ts'
import type { Entry } from '../raft/types.ts'
import { changedKey, changedValue, type KeyChange } from '../state/key-change.ts'
import { DATA_PREFIX } from '../state/layout.ts'
import { loadSaved } from '../state/meta.ts'
import type { StateLimits } from '../state/state-limits.ts'
import { StateMachine } from '../state/state-machine.ts'
import type { Table } from '../state/table.ts'
import { equalBytes, utf8Text } from '../wire/bytes.ts'
import { type GroupId, SYSTEM_GROUP } from '../wire/ids.ts'
import { Violation } from './violation.ts'

/** A change of a key that is committed. */
export interface CommittedChange {
  readonly position: number
  /** Among those of its position. */
  readonly place: number
  readonly key: string
  readonly revision: number
  /** Undefined: the key is gone. */
  readonly value: string | undefined
  readonly expired: boolean
}

/** What stands under a key's row after a write to it. */
interface Stood {
  readonly at: Uint8Array
  readonly record: Uint8Array | undefined
}

const NO_ROWS = { sessions: [], transactions: [], locks: [] } as const

/** A table that notes what is done to keys. */
class NotingTable implements Table {
  readonly #rows = new Map<string, Uint8Array>()
  writes: Stood[] = []

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#rows.get(nameOf(key))
  }

  set(key: Uint8Array, value: Uint8Array | undefined): void {
    if (key[0] === DATA_PREFIX[0]) this.writes.push({ at: key, record: value })
    if (value === undefined) this.#rows.delete(nameOf(key))
    else this.#rows.set(nameOf(key), value)
  }
}

/** A group once more, from its entries alone. */
interface Shadow {
  readonly table: NotingTable
  readonly state: StateMachine
  readonly changes: CommittedChange[]
  told: KeyChange[]
}

/**
 * All changes of all keys, from the entries as they are applied for the first time: what watches
 * are held against. What the state tells must be what it does to its table, no more and no less.
 */
export class ChangesOracle {
  readonly #shadows = new Map<GroupId, Shadow>()
  readonly #limits: Partial<StateLimits> | undefined

  /** `limits` of the state of all nodes: by others the same entries come to something else. */
  constructor(limits?: Partial<StateLimits>) {
    this.#limits = limits
  }

  /** In the order of apply. */
  of(group: GroupId): readonly CommittedChange[] {
    return this.#shadows.get(group)?.changes ?? []
  }

  groups(): Iterable<GroupId> {
    return this.#shadows.keys()
  }

  applied({ group }: Replica, entries: readonly Entry[]): void {
    if (group === SYSTEM_GROUP) return
    const shadow = this.#shadowOf(group)
    for (const { index, term, kind, data } of entries) {
      if (index !== shadow.state.applied.index + 1) continue
      if (kind === 'command') shadow.state.apply(index, term, data)
      else shadow.state.skip(index, term)
      this.#take(group, shadow)
    }
  }

  #shadowOf(group: GroupId): Shadow {
    const known = this.#shadows.get(group)
    if (known !== undefined) return known
    const table = new NotingTable()
    const options = { group, table, limits: this.#limits }
    const state = new StateMachine(options, loadSaved(undefined, NO_ROWS))
    const shadow: Shadow = { table, state, changes: [], told: [] }
    state.listener = (change) => shadow.told.push(change)
    state.begin({ index: 1, term: 1 }, new Uint8Array(0))
    this.#shadows.set(group, shadow)
    return shadow
  }

  #take(group: GroupId, shadow: Shadow): void {
    const { table, told, changes } = shadow
    const { writes } = table
    table.writes = []
    shadow.told = []
    // An expiry that is written over is a change, and no write of its own.
    const written = told.filter((one, i) => {
      const next = told[i + 1]
      return !(one.expired && next?.position === one.position && equalBytes(next.at, one.at))
    })
    const isSame = written.every(({ at, record }, i) => {
      const write = writes[i]
      return write !== undefined && equalBytes(write.at, at) && write.record === record
    })
    if (!isSame || written.length !== writes.length) {
      throw new Violation(`group ${group}: ${writes.length} writes, told are ${written.length}`)
    }
    for (const change of told) {
      const last = changes.at(-1)
      if (last !== undefined && change.position < last.position) {
        throw new Violation(`group ${group}: position ${change.position} after ${last.position}`)
      }
      changes.push(committed(change, last))
    }
  }
}

function committed(change: KeyChange, before: CommittedChange | undefined): CommittedChange {
  const { position, revision, expired } = change
  const value = changedValue(change)
  return {
    position,
    place: before?.position === position ? before.place + 1 : 0,
    key: utf8Text(changedKey(change)) ?? '',
    revision,
    value: value === undefined ? undefined : (utf8Text(value) ?? ''),
    expired
  }
}

function nameOf(bytes: Uint8Array): string {
  let name = ''
  for (const byte of bytes) name += String.fromCharCode(byte)
  return name
}
