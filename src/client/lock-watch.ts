import { TIMEOUT_MS_MAX } from '../wire/limits.ts'
import type { LockPlace } from '../wire/lock.ts'
import type { Granted, Lost } from '../wire/lock-result.ts'
import type { Cancel } from '../world/clock.ts'
import type { Shell } from './course.ts'
import type { CallOutcome } from './inputs.ts'
import { nameOfKey } from './steps.ts'

/** A place in the queue of a lock. */
export interface QueuedPlace extends LockPlace {
  readonly shared: boolean
}

/** Hears that a place is over. */
export type OnEnd = (end: Granted | Lost) => void

/**
 * Of one lock so many places are watched at once: those who share it are granted it together. Who
 * is not watched hears of its grant by its next renewal.
 */
const WATCHED_MAX = 64
/** Questions of one carrier that are out: it has other calls to make. */
const QUESTIONS_MAX = 256
/** After a question that had no answer, or could not be asked. */
const PAUSE_MS = 200

class Watched {
  readonly place: QueuedPlace
  readonly onEnd: OnEnd
  /** The question that is out, or the pause before the next. */
  stop: Cancel | undefined

  constructor(place: QueuedPlace, onEnd: OnEnd) {
    this.place = place
    this.onEnd = onEnd
  }
}

/**
 * Asks for grants before they are made, so that they are heard of at once. Of those of one carrier
 * who wait for the same lock only the first asks: nobody behind it is granted the lock before it.
 * Nothing rests on this: renewals tell the same, later.
 */
export class GrantWatch {
  readonly #shell: Shell
  /** Of each lock, in the order of their tickets. */
  readonly #lines = new Map<string, Watched[]>()
  #questions = 0

  constructor(shell: Shell) {
    this.#shell = shell
  }

  /** Locks that are waited for. */
  get size(): number {
    return this.#lines.size
  }

  /** `onEnd` is called once, unless the result is called before. */
  watch(place: QueuedPlace, onEnd: OnEnd): Cancel {
    const name = nameOf(place)
    const line = this.#lines.get(name) ?? []
    const watched = new Watched(place, onEnd)
    // They come nearly in order: the search begins at the end.
    let at = line.length
    while (at > 0 && (line[at - 1]?.place.number ?? 0) > place.number) at--
    line.splice(at, 0, watched)
    this.#lines.set(name, line)
    this.#askFirst(line)
    return () => this.#remove(name, watched)
  }

  #remove(name: string, watched: Watched): void {
    const line = this.#lines.get(name)
    const at = line?.indexOf(watched) ?? -1
    if (line === undefined || at < 0) return
    line.splice(at, 1)
    watched.stop?.()
    if (line.length === 0) this.#lines.delete(name)
    else this.#askFirst(line)
  }

  /** The first, and those who share the lock with it. */
  #askFirst(line: readonly Watched[]): void {
    for (let i = 0; i < Math.min(line.length, WATCHED_MAX); i++) {
      const watched = line[i] as Watched
      if (i > 0 && !watched.place.shared) return
      if (watched.stop === undefined) this.#ask(watched)
      if (!watched.place.shared) return
    }
  }

  #ask(watched: Watched): void {
    if (this.#questions >= QUESTIONS_MAX) {
      watched.stop = this.#shell.timers.after(PAUSE_MS, () => this.#ask(watched))
      return
    }
    const { key, guard, number } = watched.place
    let isOver = false
    this.#questions++
    // It waits as long as it takes: to give it up means to give up the place.
    const options = { timeoutMs: TIMEOUT_MS_MAX, admitted: true }
    const operation = { kind: 'await-grant', key, guard, number } as const
    const cancel = this.#shell.call(operation, options, (outcome) => {
      if (isOver) return
      isOver = true
      this.#questions--
      this.#answered(watched, outcome)
    })
    if (isOver) return
    watched.stop = () => {
      if (isOver) return
      isOver = true
      this.#questions--
      cancel()
    }
  }

  #answered(watched: Watched, outcome: CallOutcome): void {
    if (outcome.ok && outcome.kind === 'await-grant') {
      watched.stop = undefined
      this.#remove(nameOf(watched.place), watched)
      watched.onEnd(outcome.result)
      return
    }
    watched.stop = this.#shell.timers.after(PAUSE_MS, () => this.#ask(watched))
  }
}

function nameOf({ key, guard }: LockPlace): string {
  return (guard ? 'g' : 'l') + nameOfKey(key)
}
