import type { Index } from '../raft/types.ts'
import type { DataOperation } from '../wire/data-operation.ts'
import type { GroupId } from '../wire/ids.ts'
import type { KeyResult } from '../wire/result.ts'
import type { Check, Work } from '../wire/transaction.ts'
import type { KeyChange } from './key-histories.ts'

/** What a check is about, as far as it can be held against revisions. */
export interface KeyCheck {
  readonly key: string
  /** Whether it holds for a key of this revision; 0: there is none. */
  holds(revision: number): boolean
}

/** What one transaction relies on and changes in one group. */
export interface Part {
  readonly checks: readonly KeyCheck[]
  readonly changes: readonly KeyChange[]
  /** Also those that it leaves as they are. */
  readonly written: ReadonlySet<string>
}

/** What the transactions of one group hold there. */
export class Parts {
  /** Entries up to here have been looked at. */
  ran: Index = 0
  /** Where the counter of revisions stood then. */
  counter = 0
  readonly group: GroupId
  readonly #open = new Map<string, Part>()
  /** Refused, or decided here. */
  readonly #over = new Set<string>()

  constructor(group: GroupId) {
    this.group = group
  }

  isOver(name: string): boolean {
    return this.#over.has(name)
  }

  get(name: string): Part | undefined {
    return this.#open.get(name)
  }

  open(name: string, part: Part): void {
    this.#open.set(name, part)
  }

  end(name: string): void {
    this.#open.delete(name)
    this.#over.add(name)
  }

  /** Another transaction that holds a key which `part` relies on or changes. */
  rivalOf(name: string, { checks, written }: Part): string | undefined {
    for (const [other, held] of this.#open) {
      if (other === name) continue
      for (const { key } of checks) if (held.written.has(key)) return other
      for (const key of written) if (isHeld(held, key)) return other
    }
    return undefined
  }
}

const isHeld = ({ checks, written }: Part, key: string): boolean =>
  written.has(key) || checks.some((check) => check.key === key)

export const keyNameOf = (key: Uint8Array): string =>
  Buffer.prototype.latin1Slice.call(key, 0, key.length)

/** `results`: of its writes, in their order. */
export function partOf({ checks, writes }: Work, results: readonly KeyResult[]): Part {
  const changes = new Map<string, KeyChange>()
  writes.forEach((operation, i) => {
    const result = results[i]
    const change = result === undefined ? undefined : changeOf(operation, result)
    if (change !== undefined) changes.set(change.key, change)
  })
  return {
    // Those of locks: see oracle-locks.ts.
    checks: checks.filter(({ type }) => type !== 'lock').map(checkOf),
    changes: [...changes.values()],
    written: new Set(writes.map(({ key }) => keyNameOf(key)))
  }
}

/** Undefined: it left the key as it was. */
export function changeOf(operation: DataOperation, result: KeyResult): KeyChange | undefined {
  const key = keyNameOf(operation.key)
  switch (result.type) {
    case 'written':
    case 'counted': {
      const { revision } = result
      const isFading = 'ttlMs' in operation && operation.ttlMs !== undefined
      return { key, revision, isThere: true, isFading }
    }
    case 'deleted':
      return { key, revision: result.revision, isThere: false, isFading: false }
    default:
      return undefined
  }
}

function checkOf(check: Check): KeyCheck {
  const key = keyNameOf(check.key)
  switch (check.type) {
    case 'revision':
      return { key, holds: (revision) => revision === check.revision }
    case 'exists':
      return { key, holds: (revision) => revision > 0 === check.exists }
    default:
      return { key, holds: (revision) => revision > 0 }
  }
}
