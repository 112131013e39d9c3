import { whole } from '../rig/figures.ts'
import { type SyncCounts, syncCounts, syncsBetween } from '../rig/log-syncs.ts'
import type { Load, Outcome } from './job.ts'
import type { Api, Options } from './options.ts'
import { type Figures, figuresOf } from './results.ts'
import type { Subject } from './subjects.ts'

/** One line of the table: what is run once a round. */
interface Line {
  readonly subject: Subject
  readonly load: Load
  readonly inFlight: number
  readonly outcomes: Outcome[]
  /** Before and after each of them. */
  readonly syncs: (readonly [SyncCounts, SyncCounts])[]
}

const IN_FLIGHT: Readonly<Record<Api, readonly number[]>> = {
  client: [1, 64, 256],
  http: [1, 48, 256],
  etcd: [1, 48, 256]
}
/** One number in flight, where all have work and nothing queues for long. */
const MIDDLE = 1

/** Runs everything, and says on stderr how far it is. */
export async function runRounds(
  subjects: readonly Subject[],
  options: Options
): Promise<Figures[]> {
  const lines = linesOf(subjects, options)
  const measured = lines.filter(({ subject, load }) => !subject.refused.has(load))
  // The first seconds of a process are slow ones: code that never ran is compiled, later optimised.
  for (const line of measured) await run(line, options, 0, options.warmUpSeconds)
  for (let round = 0; round < options.rounds; round++) {
    for (const line of measured) {
      const { logged } = line.subject
      const before = await syncCounts(logged)
      const outcome = await run(line, options, round, options.seconds)
      line.syncs.push([before, await syncCounts(logged)])
      line.outcomes.push(outcome)
      progress(line, outcome, `round ${round + 1} of ${options.rounds}`)
    }
  }
  return lines.map(({ subject, load, inFlight, outcomes, syncs }) => {
    const refused = subject.refused.get(load) ?? null
    const figures = figuresOf({ api: subject.api, load, inFlight, refused }, outcomes)
    return { ...figures, logSyncs: subject.logged.length > 0 ? syncsBetween(syncs) : null }
  })
}

/** Interleaved: what is to be compared runs one after the other. */
function linesOf(subjects: readonly Subject[], options: Options): Line[] {
  const numbers = (api: Api): readonly number[] => {
    if (options.inFlight !== undefined) return options.inFlight
    return options.isQuick ? [IN_FLIGHT[api][MIDDLE] ?? 1] : IN_FLIGHT[api]
  }
  const ranks = Math.max(0, ...subjects.map(({ api }) => numbers(api).length))
  return options.loads.flatMap((load) =>
    Array.from({ length: ranks }, (_, rank) =>
      subjects.map((subject) => {
        const inFlight = numbers(subject.api)[rank] ?? 1
        return { subject, load, inFlight, outcomes: [], syncs: [] }
      })
    ).flat()
  )
}

async function run(
  { subject, load, inFlight }: Line,
  options: Options,
  round: number,
  seconds: number
): Promise<Outcome> {
  const { pids, generator } = subject
  const firstNode = round % pids.length
  const rampMs = Math.max(options.rampMs, inFlight)
  return await generator.run({ load, inFlight, rampMs, seconds, pids, firstNode })
}

function progress({ subject, load, inFlight }: Line, outcome: Outcome, where: string): void {
  const rate = whole(outcome.operations / outcome.seconds).padStart(9)
  const failed = outcome.failed.reduce((total, { count }) => total + count, 0)
  const what = `${subject.api.padEnd(6)} ${load.padEnd(8)} ×${String(inFlight).padEnd(4)}`
  console.error(`${where}  ${what} ${rate}/s${failed === 0 ? '' : `  ${whole(failed)} failed`}`)
}
