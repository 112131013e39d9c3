import { readFileSync } from 'node:fs'
import { filesUnder } from '../tidy/source.ts'

const MARK = /\bsometimes\('([^']+)'\)/g

/** Every mark in `src`, in the order of files, as often as it stands there. */
export function marksOf(folder = 'src'): string[] {
  return filesUnder(folder)
    .filter((path) => path.endsWith('.ts'))
    .flatMap((path) => [...readFileSync(path, 'utf8').matchAll(MARK)].map(([, name = '']) => name))
}

/** How many seeds came by each mark. */
export class MarkTally {
  readonly #seeds = new Map<string, number>()

  constructor(marks: readonly string[] = marksOf()) {
    for (const mark of marks) this.#seeds.set(mark, 0)
  }

  /** What one seed came by. */
  add(marks: readonly string[]): void {
    for (const mark of marks) this.#seeds.set(mark, (this.#seeds.get(mark) ?? 0) + 1)
  }

  get never(): string[] {
    return [...this.#seeds].flatMap(([mark, seeds]) => (seeds === 0 ? [mark] : []))
  }

  /** In lines: how many were reached, which were not, and which hardly were. */
  report(): string[] {
    const { never } = this
    const rare = [...this.#seeds].filter(([, seeds]) => seeds > 0).sort((a, b) => a[1] - b[1])
    return [
      `${this.#seeds.size - never.length} of ${this.#seeds.size} marks of rare paths reached`,
      ...never.map((mark) => `  never: ${mark}`),
      ...rare.slice(0, RAREST).map(([mark, seeds]) => `  by ${seeds} seeds: ${mark}`)
    ]
  }
}

const RAREST = 5
