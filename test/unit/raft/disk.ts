import { decodeConfiguration } from '../../../src/raft/codec.ts'
import type {
  Configuration,
  Entry,
  HardState,
  Index,
  RaftStart,
  Ready,
  SnapshotMark,
  StableLog,
  Term
} from '../../../src/raft/types.ts'
import { assert } from '../../../src/world/assert.ts'

export type Records = Pick<Ready, 'reset' | 'entries' | 'hardState'>

/** One group's log as records leave it: once as written, once as a power cut would leave it. */
export class LogImage implements StableLog {
  hardState: HardState
  mark: SnapshotMark
  list: Entry[] = []

  constructor(hardState: HardState, mark: SnapshotMark) {
    this.hardState = hardState
    this.mark = mark
  }

  get last(): Index {
    return this.mark.index + this.list.length
  }

  copy(): LogImage {
    const image = new LogImage(this.hardState, this.mark)
    image.list = [...this.list]
    return image
  }

  take({ reset, entries, hardState }: Records): void {
    if (reset !== undefined) {
      this.mark = reset
      this.list = []
    }
    const first = entries[0]
    if (first !== undefined) {
      assert(first.index > this.mark.index && first.index <= this.last + 1, 'a hole in the log')
      this.list.length = first.index - this.mark.index - 1
      for (const entry of entries) {
        assert(entry.index === this.last + 1, 'entries are consecutive')
        this.list.push(entry)
      }
    }
    if (hardState !== undefined) this.hardState = hardState
  }

  compact(mark: SnapshotMark): void {
    if (mark.index <= this.mark.index) return
    this.list = this.list.filter((entry) => entry.index > mark.index)
    this.mark = mark
  }

  /** 0: not there. Below the mark everything is as committed, so it has any term asked for. */
  term(index: Index): Term {
    if (index === this.mark.index) return this.mark.term
    return this.list[index - this.mark.index - 1]?.term ?? 0
  }

  entries(from: Index, to: Index, bytesMax: number): readonly Entry[] {
    const found: Entry[] = []
    let bytes = 0
    for (const entry of this.list) {
      if (entry.index < from || entry.index >= to) continue
      bytes += entry.data.length
      if (found.length > 0 && bytes > bytesMax) break
      found.push(entry)
    }
    return found
  }

  start(applied: Index, stable: StableLog): RaftStart {
    const termRuns: [Index, Term][] = []
    const configurations: [Index, Configuration][] = []
    for (const { index, term, kind, data } of this.list) {
      if (termRuns.at(-1)?.[1] !== term) termRuns.push([index, term])
      if (kind === 'configuration') configurations.push([index, decodeConfiguration(data)])
    }
    const { hardState, mark, last: lastIndex } = this
    return { hardState, mark, termRuns, lastIndex, configurations, applied, stable }
  }
}
