import { sometimes } from '../world/sometimes.ts'
import type { Index } from './types.ts'

/**
 * `probe`: it is not known where the logs agree, so one append at a time. `replicate`: they do, so
 * appends are sent ahead of replies. `snapshot`: the next entry is gone from the log, and a
 * snapshot is on its way.
 */
export type ProgressState = 'probe' | 'replicate' | 'snapshot'

/** What a leader knows of one follower. Invariant: match < next. */
export interface Progress {
  state: ProgressState
  /** The highest index known durable there and equal to ours. */
  match: Index
  /** The next entry to send. */
  next: Index
  /** It was heard from since the quorum was last checked. */
  recentActive: boolean
  /** Probing: one append is out, and the next waits for a sign of life. */
  paused: boolean
  /** Send one append even if there is nothing new in it. */
  nudged: boolean
  /** The highest commit index it was told. */
  toldCommit: Index
  readonly inflight: Inflight
}

/** What the driver may know of a follower. */
export interface ProgressView {
  readonly match: Index
  readonly next: Index
  readonly state: ProgressState
  readonly recentActive: boolean
}

export function newProgress(next: Index, recentActive: boolean): Progress {
  return {
    state: 'probe',
    match: 0,
    next,
    recentActive,
    paused: false,
    nudged: true,
    toldCommit: 0,
    inflight: new Inflight()
  }
}

/** From here on one append at a time, starting after the last entry known to match. */
export function becomeProbe(progress: Progress): void {
  progress.state = 'probe'
  progress.next = progress.match + 1
  progress.paused = false
  progress.nudged = true
  progress.inflight.clear()
}

export function becomeReplicate(progress: Progress): void {
  progress.state = 'replicate'
  progress.next = progress.match + 1
  progress.paused = false
  progress.inflight.clear()
}

export function becomeSnapshot(progress: Progress): void {
  progress.state = 'snapshot'
  progress.next = progress.match + 1
  progress.paused = false
  progress.nudged = false
  progress.inflight.clear()
}

/** Everything up to `index` is durable at the follower. Returns whether that is news. */
export function advanceMatch(progress: Progress, index: Index): boolean {
  progress.next = Math.max(progress.next, index + 1)
  if (index <= progress.match) return false
  progress.match = index
  return true
}

/**
 * The follower refused an append after entry `rejected`; `hint` is the best place to try next.
 * Returns false when the refusal is stale: duplicated, overtaken or of an earlier attempt.
 */
export function retreat(progress: Progress, rejected: Index, hint: Index): boolean {
  if (progress.state === 'snapshot' || rejected <= progress.match) {
    sometimes('raft: a refusal is of an earlier attempt')
    return false
  }
  if (progress.state === 'replicate') {
    becomeProbe(progress)
    return true
  }
  if (progress.next - 1 !== rejected) {
    sometimes('raft: a refusal is not of the last probe')
    return false
  }
  progress.next = Math.max(Math.min(rejected, hint + 1), progress.match + 1)
  progress.paused = false
  progress.nudged = true
  return true
}

/** Appends sent and not acknowledged, oldest first: how many, and how many bytes of entries. */
export class Inflight {
  #lastIndexes: Index[] = []
  #sizes: number[] = []
  #head = 0
  #bytes = 0

  get count(): number {
    return this.#lastIndexes.length - this.#head
  }

  get bytes(): number {
    return this.#bytes
  }

  /** An append whose last entry is `lastIndex` was sent. */
  add(lastIndex: Index, bytes: number): void {
    this.#lastIndexes.push(lastIndex)
    this.#sizes.push(bytes)
    this.#bytes += bytes
  }

  /** A reply tells that everything up to `index` arrived. */
  freeTo(index: Index): void {
    while (this.#head < this.#lastIndexes.length) {
      if ((this.#lastIndexes[this.#head] as Index) > index) break
      this.#bytes -= this.#sizes[this.#head] as number
      this.#head++
    }
    if (this.#head === this.#lastIndexes.length) this.clear()
    else if (this.#head >= 64) this.#shrink()
  }

  clear(): void {
    if (this.#lastIndexes.length > 0) {
      this.#lastIndexes = []
      this.#sizes = []
    }
    this.#head = 0
    this.#bytes = 0
  }

  #shrink(): void {
    this.#lastIndexes.splice(0, this.#head)
    this.#sizes.splice(0, this.#head)
    this.#head = 0
  }
}
