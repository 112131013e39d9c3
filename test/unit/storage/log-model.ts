import { encodeConfiguration } from '../../../src/raft/codec.ts'
import type { EntryKind } from '../../../src/raft/types.ts'
import type { NodeLog } from '../../../src/storage/log-types.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { markAt } from './log-harness.ts'

interface ModelEntry {
  term: number
  kind: EntryKind
  data: string
}

/** One group as plain data. `entries[0]` has index `mark[0] + 1`. */
export interface ModelGroup {
  group: number
  replica: number
  minReplica: number
  hardState: [term: number, vote: number]
  mark: [index: number, term: number]
  entries: ModelEntry[]
}

export type ModelState = ModelGroup[]

export type Operation =
  | { type: 'append'; group: number; back: number; count: number; size: number; nextTerm: boolean }
  | { type: 'hard-state'; group: number; vote: number }
  | { type: 'compact'; group: number; keep: number }
  | { type: 'reset'; group: number; ahead: number }
  /** Of the log, not of its group. */
  | { type: 'move'; group: number; bytes: number; bytesMax: number }
  | { type: 'bury'; group: number }

const CONFIGURATION = { members: [{ replica: 4, node: 'n4', voter: true }] }

const lastIndex = ({ mark, entries }: ModelGroup): number => mark[0] + entries.length
const lastTerm = ({ mark, entries }: ModelGroup): number => entries.at(-1)?.term ?? mark[1]

/**
 * Does `operation` to the model and to the log alike; it is one record, or many of `move`. A group
 * that is not there is created instead. Terms only rise, as Raft has it, but hard states may be
 * late.
 */
export function perform(state: ModelState, log: NodeLog, operation: Operation): void {
  const found = state.find(({ group }) => group === operation.group)
  if (found === undefined || found.replica === 0) {
    create(state, log, operation.group, (found?.minReplica ?? 0) + 1)
    return
  }
  switch (operation.type) {
    case 'append':
      append(found, log, operation)
      return
    case 'hard-state': {
      const term = Math.max(found.hardState[0], lastTerm(found)) + 1
      found.hardState = [term, operation.vote]
      log.setHardState(found.group, { term, vote: operation.vote })
      return
    }
    case 'compact': {
      const dropped = Math.max(0, found.entries.length - operation.keep)
      if (dropped === 0) return
      found.mark = [found.mark[0] + dropped, found.entries[dropped - 1]?.term ?? 0]
      found.entries.splice(0, dropped)
      log.compact(found.group, markAt(...found.mark))
      return
    }
    case 'reset':
      found.mark = [lastIndex(found) + operation.ahead, lastTerm(found) + 1]
      found.entries = []
      log.reset(found.group, markAt(...found.mark))
      return
    case 'move':
      log.moveOldest(operation.bytes, operation.bytesMax)
      return
    case 'bury':
      found.minReplica = found.replica + 1
      found.replica = 0
      found.hardState = [0, 0]
      found.mark = [0, 0]
      found.entries = []
      log.bury(found.group, found.minReplica)
  }
}

function create(state: ModelState, log: NodeLog, group: number, replica: number): void {
  const made: ModelGroup = {
    group,
    replica,
    minReplica: replica,
    hardState: [1, 0],
    mark: [1, 1],
    entries: []
  }
  const at = state.findIndex((other) => other.group === group)
  if (at < 0) state.push(made)
  else state[at] = made
  log.create(group, replica, markAt(1, 1), { term: 1, vote: 0 })
}

function append(
  group: ModelGroup,
  log: NodeLog,
  { back, count, size, nextTerm }: Extract<Operation, { type: 'append' }>
): void {
  const kept = Math.max(0, group.entries.length - back)
  // Overwriting needs a newer leader.
  const term = lastTerm(group) + (nextTerm || back > 0 ? 1 : 0)
  group.entries.length = kept
  const first = lastIndex(group) + 1
  for (let i = 0; i < count; i++) {
    const kind: EntryKind = (first + i) % 7 === 0 ? 'configuration' : 'command'
    const data = kind === 'command' ? `${first + i}:${term}`.padEnd(size, '.') : 'configuration'
    group.entries.push({ term, kind, data })
  }
  log.append(
    group.group,
    group.entries.slice(kept).map(({ kind, data }, i) => ({
      index: first + i,
      term,
      kind,
      data: kind === 'command' ? utf8(data) : encodeConfiguration(CONFIGURATION)
    }))
  )
}

/** What the model says as text that compares. See `shownOf`. */
export function shown(state: ModelState): string {
  const groups = state.map((group) => {
    const term = Math.max(lastTerm(group), group.mark[1])
    const raised = group.replica !== 0 && term > group.hardState[0]
    return {
      ...group,
      hardState: raised ? [term, 0] : group.hardState,
      entries: group.entries.map(({ term, kind, data }) => `${term} ${kind} ${data}`),
      configurations: group.entries.flatMap(({ kind }, i) =>
        kind === 'configuration' ? [group.mark[0] + 1 + i] : []
      )
    }
  })
  return JSON.stringify(groups.sort((a, b) => a.group - b.group))
}

/** What the log says, in the form of `shown`. */
export function shownOf(log: NodeLog): string {
  const groups = log.groups().map(({ group, replica, minReplica, start }) => {
    const { hardState, mark, lastIndex, termRuns, configurations, stable } = start
    const entries =
      lastIndex === mark.index
        ? []
        : stable.entries(mark.index + 1, lastIndex + 1, Number.POSITIVE_INFINITY)
    const terms = entries.filter(({ term }, i) => term !== entries[i - 1]?.term)
    const runs = JSON.stringify(terms.map(({ index, term }) => [index, term]))
    if (runs !== JSON.stringify(termRuns)) throw new Error(`term runs ${runs} of ${group}`)
    return {
      group,
      replica,
      minReplica,
      hardState: [hardState.term, hardState.vote],
      mark: [mark.index, mark.term],
      entries: entries.map(({ term, kind, data }) =>
        kind === 'command'
          ? `${term} ${kind} ${new TextDecoder().decode(data)}`
          : `${term} ${kind} configuration`
      ),
      configurations: configurations.map(([index]) => index)
    }
  })
  return JSON.stringify(groups.sort((a, b) => a.group - b.group))
}
