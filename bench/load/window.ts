import process from 'node:process'
import { setTimeout as wait } from 'node:timers/promises'
import { cpuMicros } from '../rig/cpu.ts'
import { Latencies } from '../rig/latencies.ts'
import type { Failed, Job, Outcome } from './job.ts'

/** Kept of an answer that tells of a failure. */
const EXAMPLE_LENGTH_MAX = 300

/** The stretch of a load that is measured: not how it begins, and not how it ends. */
export class Window {
  /** What was asked for once, and is over. */
  isOver = false
  #isOpen = false
  readonly #latencies = new Latencies()
  readonly #failed = new Map<string, { count: number; example: string }>()

  /** An operation that succeeded. */
  succeeded(ms: number): void {
    if (this.#isOpen) this.#latencies.record(ms)
  }

  /** An operation that did not. */
  failed(code: string, example: string): void {
    const known = this.#failed.get(code)
    if (known !== undefined) known.count++
    else this.#failed.set(code, { count: 1, example: example.slice(0, EXAMPLE_LENGTH_MAX) })
  }

  /** Waits for the ramp, then measures. Requires: the load is on. */
  async measure(job: Job): Promise<Outcome> {
    await wait(job.rampMs)
    const before = job.pids.map(cpuMicros)
    const own = process.cpuUsage()
    const began = performance.now()
    this.#isOpen = true
    await wait(job.seconds * 1_000)
    this.#isOpen = false
    const seconds = (performance.now() - began) / 1_000
    const { user, system } = process.cpuUsage(own)
    const cpu = job.pids.map((pid, i) => difference(before[i], cpuMicros(pid)))
    this.isOver = true
    return {
      operations: this.#latencies.count,
      seconds,
      latencies: this.#latencies.encoded(),
      failed: this.failures(),
      cpuMicros: cpu,
      ownMicros: user + system
    }
  }

  failures(): Failed[] {
    return [...this.#failed].map(([code, { count, example }]) => ({ code, count, example }))
  }
}

function difference(before: number | undefined, after: number | undefined): number | null {
  return before === undefined || after === undefined ? null : after - before
}
