import { parseArgs } from 'node:util'
import { Worker } from 'node:worker_threads'
import { reportFacts } from '../report/facts.ts'
import { runRegisterSeed, type SeedReport } from './register.ts'

// `npm run simulate -- --seeds N [--from K]` runs seeds K, K+1, …; `--seed NAME` replays one.

const REPLAY_EVERY = 20

function main(): Promise<number> | number {
  const { values } = parseArgs({
    options: {
      seeds: { type: 'string', default: '100' },
      from: { type: 'string', default: '1' },
      seed: { type: 'string' },
      workers: { type: 'string', default: '2' }
    }
  })
  if (values.seed !== undefined) return replay(values.seed)
  return many(Number(values.from), Number(values.seeds), Number(values.workers))
}

function replay(seed: string): number {
  const report = runRegisterSeed(seed)
  console.log(JSON.stringify(report, undefined, 2))
  return report.broken === undefined ? 0 : 1
}

async function many(from: number, count: number, workers: number): Promise<number> {
  const began = performance.now()
  const reports: SeedReport[] = []
  let next = from
  let mismatches = 0
  const take = (): { seed: string; twice: boolean } | undefined => {
    if (next >= from + count) return undefined
    const number = next++
    return { seed: String(number), twice: number % REPLAY_EVERY === 0 }
  }
  const take2 = (answer: { report: SeedReport; hashes: readonly string[] }): void => {
    const { report, hashes } = answer
    reports.push(report)
    if (new Set(hashes).size > 1) {
      mismatches++
      console.log(`seed ${report.seed}: two runs differ: ${hashes.join(', ')}`)
    }
    if (report.broken !== undefined) {
      console.log(`seed ${report.seed}: ${report.broken}`)
      console.log(`  replay: npm run simulate -- --seed ${report.seed}`)
    }
  }
  await Promise.all(Array.from({ length: workers }, () => work(take, take2)))
  const broken = reports.filter((report) => report.broken !== undefined).length
  const bad = broken + mismatches
  const sum = (of: (report: SeedReport) => number): number =>
    reports.reduce((total, report) => total + of(report), 0)
  console.log(
    [
      `${reports.length} seeds, ${broken} broken, ${mismatches} replay mismatches`,
      `${(sum((one) => one.simulatedMs) / 3_600_000).toFixed(2)} simulated hours`,
      `${sum((one) => one.faults)} faults, ${sum((one) => one.events)} events`,
      `${sum((one) => one.operations)} operations checked`,
      `${sum((one) => one.ok)} answered, ${sum((one) => one.unknown)} unknown`,
      `${((performance.now() - began) / 1_000).toFixed(1)} s`
    ].join('\n')
  )
  reportFacts({
    seeds: reports.length,
    simulatedMs: sum((one) => one.simulatedMs),
    faults: sum((one) => one.faults),
    operations: sum((one) => one.operations)
  })
  // `npm test` reads its counts from this line.
  console.log(`${reports.length - bad} passed, ${bad} failed`)
  return bad === 0 && reports.length === count ? 0 : 1
}

/** One thread that asks for seeds until there are none left. */
function work(
  take: () => { seed: string; twice: boolean } | undefined,
  done: (answer: { report: SeedReport; hashes: readonly string[] }) => void
): Promise<void> {
  return new Promise((resolve, reject) => {
    const worker = new Worker(new URL('./seed-worker.ts', import.meta.url))
    const feed = (): void => {
      const task = take()
      if (task === undefined) void worker.terminate().then(() => resolve())
      else worker.postMessage(task)
    }
    worker.on('message', (answer) => {
      done(answer)
      feed()
    })
    worker.on('error', reject)
    feed()
  })
}

process.exitCode = await main()
