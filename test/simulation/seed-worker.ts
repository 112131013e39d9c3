import { watchMarks } from '../../src/world/sometimes.ts'
import { runRegisterSeed, type SeedReport } from './register.ts'

export interface SeedAnswer {
  readonly report: SeedReport
  /** The marks of rare paths that it came by. */
  readonly marks: readonly string[]
}

// A process that runs one seed after the other, as they are sent, and answers each.
process.on('message', (seed: string) => {
  const marks = watchMarks()
  const report = runRegisterSeed(seed)
  const answer: SeedAnswer = { report, marks: [...marks] }
  process.send?.(answer)
})
