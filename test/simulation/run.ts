import { parseArgs } from 'node:util'
import { reportFacts } from '../report/facts.ts'
import { spreadLines, spreadOf } from '../report/spread.ts'
import { MarkTally } from './marks.ts'
import { runRegisterSeed, type SeedReport } from './register.ts'
import { type Ran, SeedPool } from './seed-pool.ts'

// `npm run simulate -- --seeds N [--from K]` runs seeds K, K+1, …; `--seed NAME` replays one.
// With --all-marks a rare path that no seed came by is a failure.

const REPLAY_EVERY = 20

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '100' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      workers: { type: 'string', default: '2' },
      'all-marks': { type: 'boolean', default: false }
    }
  })
  if (values.seed !== undefined) return replay(values.seed)
  const campaign = new Campaign(values['all-marks'])
  const seeds = { from: Number(values.from), count: Number(values.seeds) }
  const workers = Number(values.workers)
  const pool = new SeedPool({ ...seeds, workers, replayEvery: REPLAY_EVERY }, (ran) =>
    campaign.take(ran)
  )
  await pool.run()
  return campaign.end(seeds.count)
}

function replay(seed: string): number {
  const report = runRegisterSeed(seed)
  console.log(JSON.stringify(report, undefined, 2))
  return report.broken === undefined ? 0 : 1
}

/** What came of many seeds, told as it comes and summed up in the end. */
class Campaign {
  readonly #began = performance.now()
  readonly #reports = new Map<string, SeedReport>()
  readonly #marks = new MarkTally()
  readonly #allMarks: boolean
  #replayed = 0
  #mismatches = 0

  constructor(allMarks: boolean) {
    this.#allMarks = allMarks
  }

  take({ report, marks, again }: Ran): void {
    const { seed, traceHash, broken } = report
    const first = this.#reports.get(seed)
    if (again && first !== undefined) {
      this.#replayed++
      if (first.traceHash === traceHash) return
      this.#mismatches++
      console.log(`seed ${seed}: two runs differ: ${first.traceHash}, ${traceHash}`)
      return
    }
    this.#reports.set(seed, report)
    this.#marks.add(marks)
    if (broken === undefined) return
    console.log(`seed ${seed}: ${broken}`)
    console.log(`  replay: npm run simulate -- --seed ${seed}`)
  }

  /** Prints the sums; returns the exit code. */
  end(count: number): number {
    const reports = [...this.#reports.values()]
    const broken = reports.filter((report) => report.broken !== undefined).length
    const sum = (of: (report: SeedReport) => number): number =>
      reports.reduce((total, report) => total + of(report), 0)
    const simulatedMs = sum((one) => one.simulatedMs)
    const faults = sum((one) => one.faults)
    const operations = sum((one) => one.operations)
    const clusters = spreadOf(reports.map(({ cluster }) => cluster))
    const { never } = this.#marks
    const missed = this.#allMarks ? never.length : 0
    const bad = broken + this.#mismatches + missed
    console.log(
      [
        `${reports.length} seeds, ${broken} broken`,
        `${this.#replayed} run again elsewhere, ${this.#mismatches} replay mismatches`,
        `${(simulatedMs / 3_600_000).toFixed(2)} simulated hours`,
        `${faults} faults, ${sum((one) => one.events)} events`,
        `${operations} operations checked`,
        `${sum((one) => one.ok)} answered, ${sum((one) => one.unknown)} unknown`,
        ...spreadLines(clusters).map((line) => `  ${line}`),
        ...this.#marks.report(),
        `${((performance.now() - this.#began) / 1_000).toFixed(1)} s`
      ].join('\n')
    )
    reportFacts({ seeds: reports.length, simulatedMs, faults, operations, clusters })
    // `npm test` reads its counts from this line.
    console.log(`${reports.length - broken} passed, ${bad} failed`)
    return bad === 0 && reports.length === count ? 0 : 1
  }
}

process.exitCode = await main()
