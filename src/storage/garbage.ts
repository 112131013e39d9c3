import type { GroupId } from '../wire/ids.ts'
import { type DiskFault, diskDamage } from '../world/disk.ts'
import { sometimes } from '../world/sometimes.ts'
import type { KeyRange, StateStore, StateView, StateWrite } from '../world/state-store.ts'
import {
  decodePointer,
  GARBAGE_MARKS,
  type Generation,
  garbageKey,
  pointerKey,
  prefixRange,
  rangeBehind,
  readGarbageKey,
  statePrefix
} from './state-keys.ts'
import { REPLACE_NODE } from './store-errors.ts'
import type { WriteQueue } from './write-queue.ts'

/** Keys deleted by one synced batch: small, so that a flush never waits long behind it. */
const BATCH_KEYS = 512

/**
 * Deletes generations that are marked as garbage, in the background: one after the other, in
 * bounded synced batches, the mark last, so that a crash in between only leaves work for the next
 * life.
 */
export class GarbageCollector {
  readonly #store: StateStore
  readonly #queue: WriteQueue
  readonly #onFault: (fault: DiskFault) => void
  readonly #waiting: (readonly [GroupId, Generation])[] = []
  #busy = false
  #stopped = false
  #paused = false
  /** What goes on when the pause ends. */
  #resume: (() => void) | undefined

  constructor(store: StateStore, queue: WriteQueue, onFault: (fault: DiskFault) => void) {
    this.#store = store
    this.#queue = queue
    this.#onFault = onFault
  }

  /** Finds what earlier lives left. Requires: nothing was marked in this life yet. */
  start(): void {
    const view = this.#store.view()
    const find = (range: KeyRange): void => {
      view.page(range, BATCH_KEYS, (fault, entries) => {
        const last = entries.at(-1)
        if (last !== undefined) sometimes('storage: a life left garbage to the next one')
        for (const [key] of entries) this.#waiting.push(readGarbageKey(key))
        if (fault === undefined && last !== undefined && !this.#stopped) {
          find(rangeBehind(range, last[0]))
          return
        }
        view.release()
        if (fault === undefined) this.#next()
        else this.#onFault(fault)
      })
    }
    find(GARBAGE_MARKS)
  }

  /** Requires: its mark is durable, and no write to it is under way or waiting. */
  add(group: GroupId, generation: Generation): void {
    this.#waiting.push([group, generation])
    this.#next()
  }

  /** Nothing is written while it is paused, but for a batch under way. */
  pause(paused: boolean): void {
    this.#paused = paused
    if (paused) return
    const resume = this.#resume
    this.#resume = undefined
    resume?.()
  }

  /** Begins nothing more. What is under way ends after at most one batch. */
  stop(): void {
    this.#stopped = true
  }

  #next(): void {
    if (this.#busy || this.#stopped) return
    const next = this.#waiting.shift()
    if (next === undefined) return
    this.#busy = true
    const [group, generation] = next
    if (this.#isInUse(group, generation)) {
      const what = `the state of group ${group} is marked as garbage, and is in use`
      this.#onFault(diskDamage(`${what}: the store is damaged. ${REPLACE_NODE}`))
      return
    }
    this.#delete(this.#store.view(), prefixRange(statePrefix(group, generation)), (view) => {
      view.release()
      this.#write([{ key: garbageKey(group, generation), value: undefined }], () => {
        this.#busy = false
        this.#next()
      })
    })
  }

  /** A mark or a pointer that rotted must not cost the state that is in use. */
  #isInUse(group: GroupId, generation: Generation): boolean {
    const stored = this.#store.get(pointerKey(group))
    return (stored === undefined ? 0 : decodePointer(stored).generation) === generation
  }

  #delete(view: StateView, range: KeyRange, done: (view: StateView) => void): void {
    if (this.#stopped) {
      view.release()
      return
    }
    view.page(range, BATCH_KEYS, (fault, entries) => {
      const last = entries.at(-1)
      if (fault !== undefined || this.#stopped) {
        view.release()
        if (fault !== undefined) this.#onFault(fault)
        return
      }
      if (last === undefined) {
        done(view)
        return
      }
      const batch = entries.map(([key]) => ({ key, value: undefined }))
      this.#write(batch, () => this.#delete(view, rangeBehind(range, last[0]), done))
    })
  }

  #write(batch: readonly StateWrite[], done: () => void): void {
    if (this.#paused) {
      this.#resume = () => this.#write(batch, done)
      return
    }
    this.#queue.write(batch, (fault) => {
      if (fault === undefined) done()
      else this.#onFault(fault)
    })
  }
}
