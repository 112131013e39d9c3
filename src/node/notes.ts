import type { FlushNotes } from '../partition/flusher.ts'
import type { NodeLog } from '../storage/log-types.ts'
import { LOG_END_KEY, noteWrite } from '../storage/node-notes.ts'
import type { Clock } from '../world/clock.ts'
import type { StateWrite } from '../world/state-store.ts'

/** Notes wait so long for a flush to go with. */
const WAIT_MS_MAX = 10_000

export interface NotesShell {
  readonly clock: Clock
  readonly log: Pick<NodeLog, 'durableSequence'>
  /** What is new of the disks of others. */
  readonly lives: () => readonly StateWrite[]
}

/**
 * What this node writes down to know a disk that went back in time: how far its own log was durable
 * (a log cut at a record's end looks whole), and how far those of others were.
 */
export class NodeNotes implements FlushNotes {
  readonly #shell: NotesShell
  #takenAt: number
  #logEnd = 0

  constructor(shell: NotesShell) {
    this.#shell = shell
    this.#takenAt = shell.clock.monotonic()
  }

  get due(): boolean {
    return this.#shell.clock.monotonic() - this.#takenAt >= WAIT_MS_MAX
  }

  take(): readonly StateWrite[] {
    this.#takenAt = this.#shell.clock.monotonic()
    const lives = this.#shell.lives()
    const { durableSequence } = this.#shell.log
    if (durableSequence === this.#logEnd) return lives
    this.#logEnd = durableSequence
    return [...lives, noteWrite(LOG_END_KEY, [durableSequence])]
  }
}
