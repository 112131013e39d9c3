import process from 'node:process'
import { at, rounded } from '../rig/figures.ts'

/** What a micro benchmark found: a table, and each of its numbers with a name for the file. */
export interface Section {
  readonly title: string
  /** Names with their units, of the values of each row. */
  readonly columns: readonly string[]
  readonly rows: readonly { readonly name: string; readonly values: readonly number[] }[]
}

/** One thing that is done again and again. */
export interface Work {
  readonly name: string
  /** `count` is a multiple of it. Default 1. */
  readonly step?: number
  /**
   * Makes whatever `count` times need, and returns what does them: only that is timed. What it does
   * must reach `keep`, or the compiler may leave it out.
   */
  readonly prepare: (count: number) => () => void
}

/** One run: long enough for the clock, short enough that another process spoils few of them. */
const RUN_MS = 20
const RUNS_MIN = 5
/** Share of the time in which code is compiled and nothing counted. */
const WARM_UP = 0.3
const COLUMNS = ['CPU ns, median', 'fastest', 'p90']

/** Reachable from outside, so the compiler must believe that somebody looks. */
export const result: { kept: unknown } = { kept: undefined }

export function keep(value: unknown): void {
  result.kept = value
}

/** Work that needs nothing: the same again and again. */
export function repeated(name: string, once: () => unknown): Work {
  return {
    name,
    prepare: (count) => () => {
      let last: unknown
      for (let i = 0; i < count; i++) last = once()
      keep(last)
    }
  }
}

/** Times each of `works` for about `seconds`. */
export function timed(title: string, works: readonly Work[], seconds: number): Section {
  const rows = works.map((work) => ({ name: work.name, values: nanoseconds(work, seconds) }))
  return { title, columns: COLUMNS, rows }
}

/** Of one time: the median of all runs, the fastest and the slowest but a tenth. */
function nanoseconds(work: Work, seconds: number): number[] {
  const { prepare } = work
  const count = warmUp(work, seconds * WARM_UP)
  const end = performance.now() + seconds * (1 - WARM_UP) * 1_000
  const times: number[] = []
  while (times.length < RUNS_MIN || performance.now() < end) {
    times.push((milliseconds(prepare(count)) * 1e6) / count)
  }
  times.sort((a, b) => a - b)
  return [at(times, 0.5), times[0] ?? 0, at(times, 0.9)].map(rounded)
}

/** How often makes a run. */
function warmUp({ prepare, step = 1 }: Work, seconds: number): number {
  const end = performance.now() + seconds * 1_000
  let count = step
  while (performance.now() < end) {
    const took = milliseconds(prepare(count))
    if (took < RUN_MS)
      count = Math.ceil((count * Math.min(2, RUN_MS / Math.max(took, 1))) / step) * step
  }
  return count
}

/** Of CPU: another process that takes the core for a while does not count. */
function milliseconds(run: () => void): number {
  const before = process.cpuUsage()
  run()
  const { user, system } = process.cpuUsage(before)
  return (user + system) / 1_000
}
