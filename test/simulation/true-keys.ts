import { partitionOf } from '../../src/keyspace/hash.ts'
import type { Replica } from '../../src/partition/replica.ts'
import type { Entry } from '../../src/raft/types.ts'
import { loadSaved, NO_ROWS } from '../../src/state/meta.ts'
import type { StateLimits } from '../../src/state/state-limits.ts'
import { StateMachine } from '../../src/state/state-machine.ts'
import type { Table } from '../../src/state/table.ts'
import { utf8 } from '../../src/wire/bytes.ts'
import { type GroupId, groupOfPartition } from '../../src/wire/ids.ts'
import { type TruthAt, textOf } from './checkers/scans.ts'

/** Where every group begins: see open-replicas.ts. */
const FIRST = { index: 1, term: 1 } as const

/** What a key was from `index` on. */
interface Version {
  readonly index: number
  readonly truth: TruthAt
}

interface Group {
  readonly state: StateMachine
  readonly versions: ReadonlyMap<string, Version[]>
}

/** Keeps no order, and nothing on a disk. */
class PlainTable implements Table {
  readonly #records = new Map<string, Uint8Array>()

  get(key: Uint8Array): Uint8Array | undefined {
    return this.#records.get(textOf(key))
  }

  set(key: Uint8Array, value: Uint8Array | undefined): void {
    if (value === undefined) this.#records.delete(textOf(key))
    else this.#records.set(textOf(key), value.slice())
  }
}

/**
 * What some keys were at every index of their groups, by a state machine of its own that applies
 * each entry once, as soon as any replica does. It has no overlay, no store and no snapshots.
 */
export class TrueKeys {
  readonly #groups = new Map<GroupId, Group>()

  /** `limits`: those of the cluster, for they decide what a command does. */
  constructor(keys: readonly string[], partitions: number, limits: Partial<StateLimits>) {
    for (let partition = 0; partition < partitions; partition++) {
      const group = groupOfPartition(partition)
      const own = keys.filter((key) => partitionOf(utf8(key), partitions) === partition)
      const saved = loadSaved(undefined, NO_ROWS)
      const state = new StateMachine({ group, table: new PlainTable(), limits }, saved)
      state.begin(FIRST, new Uint8Array(0))
      this.#groups.set(group, { state, versions: new Map(own.map((key) => [key, []])) })
    }
  }

  applied({ group }: Replica, entries: readonly Entry[]): void {
    const known = this.#groups.get(group)
    if (known === undefined) return
    const { state, versions } = known
    for (const { index, term, kind, data } of entries) {
      if (index !== state.applied.index + 1) continue
      if (kind === 'command') state.apply(index, term, data)
      else state.skip(index, term)
      for (const [key, list] of versions) note(list, index, truthOf(state, key))
    }
  }

  /** Requires: some replica has applied `index`. */
  at(group: GroupId, index: number): readonly TruthAt[] {
    const versions = this.#groups.get(group)?.versions ?? new Map<string, Version[]>()
    return [...versions.values()].flatMap((list) => {
      const version = list.findLast((one) => one.index <= index)
      return version === undefined ? [] : [version.truth]
    })
  }
}

function truthOf(state: StateMachine, key: string): TruthAt {
  const bytes = utf8(key)
  const record = state.read(bytes)
  const intent = state.transactions.intentOn(bytes)
  return {
    key,
    revision: record?.revision ?? 0,
    isMortal: record?.expiresAt !== undefined,
    intended: intent === undefined ? undefined : (intent.next?.revision ?? 0)
  }
}

function note(list: Version[], index: number, truth: TruthAt): void {
  const last = list.at(-1)?.truth
  const isSame =
    last?.revision === truth.revision &&
    last.isMortal === truth.isMortal &&
    last.intended === truth.intended
  if (!isSame) list.push({ index, truth })
}
