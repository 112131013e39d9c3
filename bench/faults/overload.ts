import { setTimeout as wait } from 'node:timers/promises'
import type { Stage } from '../../cluster/stage.ts'
import { cpuMicros, residentBytes } from '../rig/cpu.ts'
import { at, rounded } from '../rig/figures.ts'
import { Generator } from '../rig/generator.ts'
import { Latencies } from '../rig/latencies.ts'
import type { Sample } from './callers.ts'
import type { Options } from './options.ts'
import type { OverloadJob, OverloadOutcome, OverloadSettings } from './overload-generator.ts'
import { Probe } from './probe.ts'
import { Trio } from './trio.ts'
import { atLeast, atMost, type Verdict } from './verdicts.ts'

/** Calls of one way that ended with one code. */
export interface Ending {
  readonly way: 'client' | 'http'
  readonly code: string
  readonly count: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly example: string
}

export interface Overload {
  /** The most useful operations a second, and with how many in flight. */
  readonly peak: { readonly perSecond: number; readonly inFlight: number }
  readonly inFlight: number
  readonly usefulPerSecond: number
  readonly endings: readonly Ending[]
  /** Resident memory of each node in MiB, twice a second. */
  readonly residentMiB: readonly (readonly number[])[]
  /** Of a few callers who come all the while: 99 of 100 calls before, alone. */
  readonly calmP99Ms: number
  /** From then on no call of theirs failed or took longer than `calmLimitMs`. */
  readonly healthyAfterMs: number
  readonly calmLimitMs: number
  readonly nodesAlive: number
  /** During the overload, in percent of a core. */
  readonly cpuPercent: {
    readonly nodes: readonly number[]
    readonly generators: readonly number[]
  }
  /** How late the timers of each generator came. */
  readonly generatorsLateMs: readonly OverloadOutcome['lateMs'][]
}

type Load = Generator<OverloadJob, OverloadOutcome>

const GENERATOR = new URL('./overload-generator.ts', import.meta.url)
const LEVELS = [64, 128, 256, 512, 1_024]
const LEVEL_SECONDS = 5
const KEYS = 20_000
const TIMEOUT_MS = 1_000
const CALM_SECONDS = 5
const AFTER_SECONDS = 10
const MEMORY_EVERY_MS = 500
/** A machine that does other things, too, has calls like this at any time. */
const CALM_LIMIT_MS_MIN = 100

/** Far more callers than a cluster can serve, and what becomes of them and of it. */
export async function overload(stage: Stage, options: Options): Promise<Overload> {
  const trio = await Trio.form(stage, 'overload', options)
  const ways = [
    { way: 'client' as const, targets: trio.seeds },
    { way: 'http' as const, targets: trio.urls }
  ]
  const loads = await Promise.all(
    ways.map(({ way, targets }) => {
      const settings: OverloadSettings = { way, targets, keys: KEYS }
      return Generator.start<OverloadJob, OverloadOutcome>(stage, GENERATOR, settings)
    })
  )
  const peak = await findPeak(loads, options)
  const probe = await Probe.start(trio)
  await wait(1_000)
  const calmFrom = probe.samples.length
  await wait(CALM_SECONDS * 1_000)
  const calm = probe.samples.slice(calmFrom)
  const memory = new Memory(trio)
  const busy = cpuOf([...trio.pids, ...loads.map(({ pid }) => pid)])
  const [outcomes, percents] = await Promise.all([
    together(loads, options, options.overloadInFlight, options.overloadSeconds),
    wait(options.overloadSeconds * 1_000).then(busy)
  ])
  await wait(AFTER_SECONDS * 1_000)
  memory.stop()
  await probe.stop()
  const nodesAlive = trio.nodes.filter(({ ending }) => ending === undefined).length
  await trio.stop()
  return {
    peak,
    inFlight: options.overloadInFlight,
    usefulPerSecond: rounded(usefulRate(outcomes, options.overloadSeconds)),
    endings: outcomes.flatMap((outcome, i) => endingsOf(outcome, ways[i]?.way ?? 'http')),
    residentMiB: memory.mebibytes,
    ...health(calm, probe.samples, Math.max(...outcomes.map(({ endedAt }) => endedAt))),
    nodesAlive,
    cpuPercent: {
      nodes: percents.slice(0, trio.nodes.length),
      generators: percents.slice(trio.nodes.length)
    },
    generatorsLateMs: outcomes.map(({ lateMs }) => lateMs)
  }
}

/** From now until the call, in percent of a core; none where the system does not tell. */
function cpuOf(pids: readonly number[]): () => number[] {
  const before = pids.map(cpuMicros)
  const began = performance.now()
  return () => {
    const micros = (performance.now() - began) * 1_000
    const after = pids.map(cpuMicros)
    return after.flatMap((used, i) => {
      const first = before[i]
      return used === undefined || first === undefined
        ? []
        : rounded(((used - first) / micros) * 100)
    })
  }
}

async function findPeak(loads: readonly Load[], options: Options): Promise<Overload['peak']> {
  // What is run first is compiled meanwhile.
  await together(loads, options, LEVELS[0] ?? 1, LEVEL_SECONDS)
  let peak = { perSecond: 0, inFlight: 0 }
  for (const inFlight of LEVELS) {
    const outcomes = await together(loads, options, inFlight, LEVEL_SECONDS)
    const perSecond = rounded(usefulRate(outcomes, LEVEL_SECONDS))
    console.error(`${inFlight} in flight: ${perSecond.toFixed(0)} useful operations a second`)
    if (perSecond > peak.perSecond) peak = { perSecond, inFlight }
  }
  return peak
}

async function together(
  loads: readonly Load[],
  { overloadPauseMs: shedPauseMs }: Options,
  inFlight: number,
  seconds: number
): Promise<OverloadOutcome[]> {
  const each = Math.ceil(inFlight / loads.length)
  const job = { inFlight: each, seconds, timeoutMs: TIMEOUT_MS, shedPauseMs }
  return await Promise.all(loads.map((load) => load.run(job)))
}

/** Without the first second, in which callers connect. */
function usefulRate(outcomes: readonly OverloadOutcome[], seconds: number): number {
  const counted = outcomes.flatMap(({ useful }) => useful.slice(1, seconds))
  return counted.reduce((sum, count) => sum + count, 0) / Math.max(1, seconds - 1)
}

function endingsOf({ kinds }: OverloadOutcome, way: Ending['way']): Ending[] {
  return kinds.map(({ code, count, example, latencies: encoded }) => {
    const latencies = new Latencies()
    latencies.addEncoded(encoded)
    const [p50Ms, p99Ms] = [latencies.at(0.5), latencies.at(0.99)].map(rounded)
    return { way, code, count, p50Ms: p50Ms ?? 0, p99Ms: p99Ms ?? 0, example }
  })
}

/** Looks at the memory of the nodes until it is stopped. */
class Memory {
  readonly mebibytes: number[][]
  readonly #timer: NodeJS.Timeout

  constructor(trio: Trio) {
    this.mebibytes = trio.nodes.map(() => [])
    this.#timer = setInterval(() => {
      trio.nodes.forEach(({ pid, ending }, i) => {
        const bytes = ending === undefined ? residentBytes(pid) : undefined
        if (bytes !== undefined) this.mebibytes[i]?.push(Math.round(bytes / 2 ** 20))
      })
    }, MEMORY_EVERY_MS)
  }

  stop(): void {
    clearInterval(this.#timer)
  }
}

function health(calm: readonly Sample[], all: readonly Sample[], endedAt: number) {
  const times = calm.map(({ ms }) => ms).sort((a, b) => a - b)
  const calmP99Ms = rounded(at(times, 0.99))
  const calmLimitMs = Math.max(CALM_LIMIT_MS_MIN, 3 * calmP99Ms)
  // A call from before that hangs on is no health either.
  const after = all.filter(({ began, ms }) => began + ms >= endedAt)
  const bad = after.filter(({ ms, ended }) => ended.code !== '' || ms > calmLimitMs)
  const end = ({ began, ms }: Sample): number => began + ms
  const last = after.length === 0 ? endedAt + AFTER_SECONDS * 1_000 : 0
  const healthyAt = Math.max(endedAt, last, ...bad.map(end))
  const healthyAfterMs = rounded(healthyAt - endedAt)
  return { calmP99Ms, calmLimitMs: rounded(calmLimitMs), healthyAfterMs }
}

/** How much more the last third needs than the one before: what grows for ever, grows there. */
function growth(samples: readonly number[]): number {
  const third = Math.floor(samples.length / 3)
  const most = (part: readonly number[]): number => Math.max(1, ...part)
  return most(samples.slice(2 * third)) / most(samples.slice(third, 2 * third))
}

export function overloadVerdicts(result: Overload): Verdict[] {
  const { residentMiB, usefulPerSecond, peak, healthyAfterMs, endings, nodesAlive } = result
  const most = Math.max(...residentMiB.flat(), 0)
  const grown = Math.max(...residentMiB.map(growth))
  const shed = endings.find(({ way, code }) => way === 'http' && code === 'overloaded')
  const share = (usefulPerSecond / peak.perSecond) * 100
  return [
    atLeast('overload: nodes that live on', nodesAlive, residentMiB.length, 'nodes'),
    atMost('overload: most memory of a node', most, 512, 'MiB'),
    atMost('overload: memory, last third to the one before', grown, 1.2, 'times'),
    atLeast('overload: useful operations, of the peak', share, 80, '%'),
    ...(shed === undefined ? [] : [atMost('overload: 429 after, median', shed.p50Ms, 50, 'ms')]),
    atMost('overload: healthy after its end', healthyAfterMs / 1_000, 2, 's')
  ]
}
