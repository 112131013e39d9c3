import { byKey, describeOperation, type Operation } from './linearizable.ts'

/** What a read asked of any replica promised. */
export interface Near {
  readonly consistency: 'session' | 'eventual'
  /** With `eventual`: the answer was current so many ms before it was given, or later. */
  readonly stalenessMs: number
}

export interface Seen extends Operation {
  /** Operations of one session were seen by one reader. */
  readonly session: string
  /** Absent: a strong read, or a change. */
  readonly near?: Near
}

export interface NearOptions {
  /** Claims of so much and more are not checked: they rest on wall clocks. */
  readonly stalenessMsMax: number
}

/**
 * Checks `session` and `eventual` reads against all that clients were told. A key's changes have
 * rising revisions in the order they took effect, so whoever knows a revision knows a place in that
 * order; of an absent key only known is that some delete is the latest change. Each read must show
 * what some change left behind; a session never goes back; an eventual read was current as late as
 * it claims. Returns what is wrong, or nothing.
 */
export function checkNearReads(
  history: readonly Seen[],
  { stalenessMsMax }: NearOptions = { stalenessMsMax: Number.POSITIVE_INFINITY }
): string[] {
  const wrong: string[] = []
  for (const operations of byKey(history).values()) {
    const key = new KeyHistory(operations as Seen[])
    for (const read of operations as Seen[]) {
      if (read.near === undefined || read.outcome.type !== 'ok') continue
      const { consistency, stalenessMs } = read.near
      const faults = [key.unwritten(read)]
      if (consistency === 'session') faults.push(key.backwards(read))
      else if (stalenessMs < stalenessMsMax) faults.push(key.older(read, stalenessMs))
      for (const fault of faults) {
        if (fault !== undefined) wrong.push(`${describeOperation(read)}, ${consistency}: ${fault}`)
      }
    }
  }
  return wrong
}

/** All that was told of one key. */
class KeyHistory {
  readonly #operations: readonly Seen[]
  /** What each revision left behind, by the operation that made it. */
  readonly #changes = new Map<number, Seen>()

  constructor(operations: readonly Seen[]) {
    this.#operations = operations
    for (const operation of operations) {
      const { outcome } = operation
      if (outcome.type !== 'ok' || operation.call.type === 'get') continue
      const { answer } = outcome
      if (answer.type === 'written' || answer.type === 'counted' || answer.type === 'deleted') {
        this.#changes.set(answer.revision, operation)
      }
    }
  }

  unwritten(read: Seen): string | undefined {
    const shown = shownBy(read)
    if (shown === undefined) return undefined
    const change = this.#changes.get(shown.revision)
    if (change !== undefined) {
      const left = valueLeftBy(change)
      if (left !== undefined && left !== shown.value)
        return `revision ${shown.revision} is another value`
      return change.called > returned(read) ? 'it was not written yet' : undefined
    }
    const explains = ({ call, called, outcome }: Seen): boolean => {
      if (outcome.type !== 'unknown' || called > returned(read)) return false
      if (call.type === 'put') return call.value === shown.value
      if (call.type === 'touch') return true
      return call.type === 'increment' && /^-?\d+$/.test(shown.value)
    }
    return this.#operations.some(explains) ? undefined : 'nobody wrote that'
  }

  /** A session read may show nothing older than what its session had seen when it was called. */
  backwards(read: Seen): string | undefined {
    let revision = 0
    let learnt = Number.NEGATIVE_INFINITY
    /** A change after `revision` was seen, which left nothing behind. */
    let gone = true
    const before = this.#operations
      .filter((one) => one.session === read.session && returned(one) < read.called)
      .sort((a, b) => returned(a) - returned(b))
    for (const one of before) {
      const known = knownRevision(one)
      if (known !== undefined && known > revision) {
        revision = known
        learnt = returned(one)
        gone = isDelete(one)
        // An absence that was asked for before may be one of before.
      } else if (isAbsence(one) && one.called > learnt) gone = true
    }
    const shown = shownBy(read)
    if (shown === undefined) {
      if (gone || this.#mayBeGone(revision, returned(read))) return undefined
      return `the session had seen revision ${revision}, and nobody deleted it`
    }
    if (shown.revision > revision || (shown.revision === revision && !gone)) return undefined
    return `the session had seen ${gone ? 'the end of ' : ''}revision ${revision}`
  }

  /**
   * Whoever was told something before the claimed moment proves that the key was as far by then.
   */
  older(read: Seen, stalenessMs: number): string | undefined {
    const moment = read.called - stalenessMs
    let revision = 0
    for (const one of this.#operations) {
      if (returned(one) < moment) revision = Math.max(revision, knownRevision(one) ?? 0)
    }
    const shown = shownBy(read)
    const isOlder =
      shown === undefined ? !this.#mayBeGone(revision, returned(read)) : shown.revision < revision
    return isOlder ? `revision ${revision} was known ${stalenessMs} ms before` : undefined
  }

  /** Whether the key may have been absent after `revision` and by `time`. */
  #mayBeGone(revision: number, time: number): boolean {
    const known = this.#changes.get(revision)
    if (revision === 0 || (known !== undefined && isDelete(known))) return true
    return this.#operations.some((one) => {
      if (one.call.type !== 'delete' || one.called > time) return false
      return (
        one.outcome.type === 'unknown' || (isDelete(one) && (knownRevision(one) ?? 0) > revision)
      )
    })
  }
}

/** What a read showed; undefined: no such key. */
function shownBy({ outcome }: Seen): { value: string; revision: number } | undefined {
  return outcome.type === 'ok' && outcome.answer.type === 'value' ? outcome.answer : undefined
}

/** The place in the order of changes at or after which the answer was made. */
function knownRevision({ outcome }: Seen): number | undefined {
  return outcome.type === 'ok' && 'revision' in outcome.answer ? outcome.answer.revision : undefined
}

function isDelete({ outcome }: Seen): boolean {
  return outcome.type === 'ok' && outcome.answer.type === 'deleted'
}

/** An eventual read tells of some absence, maybe of one before all that was seen. */
function isAbsence({ outcome, near }: Seen): boolean {
  if (outcome.type !== 'ok' || near?.consistency === 'eventual') return false
  const { answer } = outcome
  return answer.type === 'absent' || (answer.type === 'conflict' && answer.revision === 0)
}

/** Undefined: what was there before, which a touch leaves as it is. */
function valueLeftBy({ call, outcome }: Seen): string | undefined {
  if (call.type === 'put') return call.value
  const answer = outcome.type === 'ok' ? outcome.answer : undefined
  return answer?.type === 'counted' ? String(answer.value) : undefined
}

const returned = ({ returned: at }: Operation): number => at ?? Number.POSITIVE_INFINITY
