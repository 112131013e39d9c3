import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { SeedAnswer } from './seed-worker.ts'

export interface Seeds {
  readonly from: number
  readonly count: number
  /** Processes at work at once. */
  readonly workers: number
  /** Each seed that this divides runs again, in another process. */
  readonly replayEvery: number
}

export interface Ran extends SeedAnswer {
  /** The second time. */
  readonly again: boolean
}

interface Worker {
  readonly child: ChildProcess
  /** The last one of a pool that has but one only runs again what that one ran. */
  readonly takesNew: boolean
  running: { readonly seed: string; readonly again: boolean } | undefined
}

const SCRIPT = fileURLToPath(new URL('./seed-worker.ts', import.meta.url))

/** Runs seeds from, from + 1, …, each in one of a few processes. */
export class SeedPool {
  readonly #seeds: Seeds
  readonly #ran: (ran: Ran) => void
  readonly #workers: readonly Worker[]
  #replays: { readonly seed: string; readonly first: Worker }[] = []
  #next: number

  /** `ran` hears of each run, in the order they end. */
  constructor(seeds: Seeds, ran: (ran: Ran) => void) {
    this.#seeds = seeds
    this.#ran = ran
    this.#next = seeds.from
    this.#workers = Array.from({ length: Math.max(2, seeds.workers) }, (_, i) => ({
      child: fork(SCRIPT, { stdio: 'inherit' }),
      takesNew: i < seeds.workers,
      running: undefined
    }))
  }

  /** Ends when all have run; rejects when a process ends before that. */
  run(): Promise<void> {
    return new Promise((resolve, reject) => {
      let left = this.#workers.length
      for (const worker of this.#workers) {
        const { child } = worker
        child.on('error', reject)
        child.on('exit', (code, signal) => {
          if (worker.running !== undefined) {
            reject(new Error(`seed ${worker.running.seed} ended its process: ${signal ?? code}`))
          } else if (--left === 0) resolve()
        })
        child.on('message', (answer) => {
          this.#answered(worker, answer as SeedAnswer)
          this.#feedAll()
        })
      }
      this.#feedAll()
    })
  }

  #answered(worker: Worker, answer: SeedAnswer): void {
    const { running } = worker
    if (running === undefined) throw new Error('an answer that nobody asked for')
    worker.running = undefined
    const { seed, again } = running
    this.#ran({ ...answer, again })
    if (!again && Number(seed) % this.#seeds.replayEvery === 0) {
      this.#replays.push({ seed, first: worker })
    }
  }

  #feedAll(): void {
    for (const worker of this.#workers) worker.running ??= this.#take(worker)
    if (this.#workers.some(({ running }) => running !== undefined)) return
    for (const { child } of this.#workers) child.disconnect()
  }

  /** What `worker` is to run next; sends it. */
  #take(worker: Worker): Worker['running'] {
    const task = this.#draw(worker)
    if (task !== undefined) worker.child.send(task.seed)
    return task
  }

  #draw(worker: Worker): Worker['running'] {
    const replay = this.#replays.find(({ first }) => first !== worker)
    if (replay !== undefined) {
      this.#replays = this.#replays.filter((one) => one !== replay)
      return { seed: replay.seed, again: true }
    }
    const { from, count } = this.#seeds
    if (!worker.takesNew || this.#next >= from + count) return undefined
    return { seed: String(this.#next++), again: false }
  }
}
