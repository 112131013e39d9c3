import type { ReplicaId } from '../wire/ids.ts'
import { assert } from '../world/assert.ts'
import { sometimes } from '../world/sometimes.ts'
import { type Core, send } from './core.ts'
import { becomeSnapshot, type Progress } from './progress.ts'
import { entryBytes } from './tail.ts'
import type { Entry } from './types.ts'

const NONE: readonly Entry[] = []

/**
 * Sends every follower what it lacks, as far as its window allows. Once per Ready, not per input:
 * so all that was proposed in a turn leaves in one message.
 */
export function replicate(core: Core): void {
  if (core.leading === undefined) return
  for (const [to, progress] of core.leading.progress) {
    while (mayAppend(core, progress)) sendAppend(core, to, progress)
  }
}

/** Whether `replicate` would send anything. */
export function mayReplicate(core: Core): boolean {
  if (core.leading === undefined) return false
  for (const progress of core.leading.progress.values()) {
    if (mayAppend(core, progress)) return true
  }
  return false
}

function mayAppend(core: Core, progress: Progress): boolean {
  if (progress.state === 'snapshot' || progress.paused) return false
  return progress.nudged || (progress.next <= core.log.last && !isFull(core, progress))
}

function isFull(core: Core, { state, inflight }: Progress): boolean {
  const { inflightAppendsMax, inflightBytesMax } = core.options
  if (state !== 'replicate') return false
  return inflight.count >= inflightAppendsMax || inflight.bytes >= inflightBytesMax
}

function sendAppend(core: Core, to: ReplicaId, progress: Progress): void {
  const { log, options, outbox } = core
  progress.nudged = false
  if (progress.next < log.firstIndex) {
    // Whoever has not been heard of does not get a snapshot; its first reply brings us here again.
    if (progress.recentActive) {
      sometimes('raft: a follower needs entries that are gone')
      becomeSnapshot(progress)
      outbox.snapshotsWanted.push(to)
    } else {
      sometimes('raft: waits for a sign of life before a snapshot')
      progress.paused = true
    }
    return
  }
  const previousIndex = progress.next - 1
  const previousTerm = log.term(previousIndex)
  assert(previousTerm !== undefined, `no term at ${previousIndex}`)
  const sendable = progress.next <= log.last && !isFull(core, progress)
  const entries = sendable ? log.entries(progress.next, log.last + 1, options.appendBytesMax) : NONE
  progress.toldCommit = Math.max(progress.toldCommit, log.commit)
  send(core, {
    type: 'append',
    from: core.self,
    to,
    term: core.term,
    previousIndex,
    previousTerm,
    commit: log.commit,
    entries
  })
  if (progress.state === 'probe') progress.paused = true
  else if (entries.length > 0) {
    progress.next += entries.length
    progress.inflight.add(progress.next - 1, totalBytes(entries))
  }
}

function totalBytes(entries: readonly Entry[]): number {
  let bytes = 0
  for (const entry of entries) bytes += entryBytes(entry)
  return bytes
}
