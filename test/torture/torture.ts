import { Refused } from '../../cluster/refused.ts'
import type { Stage } from '../../cluster/stage.ts'
import { type Random, seededRandom } from '../../src/world/random.ts'
import type { Arena, Shape } from './arena.ts'
import type { Fault } from './faults/fault.ts'
import { isInside } from './ground.ts'
import type { Options } from './options.ts'
import type { RoundReport } from './round.ts'
import { screen } from './screen.ts'
import { Trial } from './trial.ts'

/** Then a new one is formed. */
const ROUNDS_OF_A_CLUSTER = 8

interface Run {
  readonly options: Options
  readonly isApart: boolean
  readonly isTime: () => boolean
  readonly reports: RoundReport[]
  readonly anomalies: string[]
  readonly skipped: Map<string, string>
}

/** One cluster after the other, one fault after the other, to the first anomaly. */
export async function torture(stage: Stage, options: Options): Promise<number> {
  const random = seededRandom(options.seed)
  const began = performance.now()
  const isTime = (): boolean => performance.now() - began < options.minutes * 60_000
  const isApart = isInside && options.network !== 'proxies'
  const [reports, anomalies, skipped] = [[], [], new Map<string, string>()]
  const run: Run = { options, isApart, isTime, reports, anomalies, skipped }
  for (let i = 1; goesOn(run); i++) await playCluster(run, stage, random.fork(`c${i}`), `c${i}`)
  if (run.anomalies.length > 0) stage.keep()
  console.log(screen({ ...run, tookMs: performance.now() - began }))
  return run.anomalies.length === 0 ? 0 : 1
}

const goesOn = ({ isTime, anomalies }: Run): boolean => isTime() && anomalies.length === 0

async function playCluster(run: Run, stage: Stage, random: Random, name: string): Promise<void> {
  const shape = drawShape(random, run.options)
  const say = (what: string): void => console.log(what)
  const trial = await Trial.open(stage, { name, shape, isApart: run.isApart, say })
  console.log(`${name}: ${shape.nodes} nodes, ${shape.partitions} partitions`)
  const played: RoundReport[] = []
  const tell = (wrong: readonly string[]): void => {
    for (const anomaly of wrong) console.log(`ANOMALY ${anomaly}`)
    run.anomalies.push(...wrong)
  }
  for (let i = 1; i <= ROUNDS_OF_A_CLUSTER && goesOn(run); i++) {
    const fault = drawFault(random, run, trial.arena)
    const report = await trial.play(`${name}-r${i}`, fault, random.fork(`r${i}`))
    played.push(report)
    tell(report.anomalies)
  }
  run.reports.push(...played)
  if (run.anomalies.length === 0) tell(await trial.recall(played))
  await trial.close()
}

function drawShape(random: Random, { nodes }: Options): Shape {
  const count = nodes === 0 ? [3, 3, 5][random.below(3)] : nodes
  const partitions = [1, 4, 16][random.below(3)] ?? 1
  return { nodes: count ?? 3, replicas: count === 5 && random.below(2) === 0 ? 5 : 3, partitions }
}

function drawFault(random: Random, { options, skipped }: Run, arena: Arena): Fault {
  const possible = options.only.filter(({ name, obstacle }) => {
    const why = obstacle(arena)
    if (why !== undefined) skipped.set(name, why)
    return why === undefined
  })
  const drawn = possible[random.below(Math.max(1, possible.length))]
  if (drawn !== undefined) return drawn
  throw new Refused([...skipped].map(([name, why]) => `${name}: ${why}`).join('\n'))
}
