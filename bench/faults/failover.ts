import { setTimeout as wait } from 'node:timers/promises'
import type { KeyMesh } from 'keymesh'
import { Refused } from '../../cluster/refused.ts'
import type { Stage } from '../../cluster/stage.ts'
import { at, rounded } from '../rig/figures.ts'
import { openClient } from '../rig/keymesh.ts'
import { type Call, clientCall, Log, Loops, type Sample } from './callers.ts'
import { firstWrite } from './first-write.ts'
import type { Options } from './options.ts'
import { keyOfEach, Trio } from './trio.ts'
import { atMost, type Verdict } from './verdicts.ts'

export interface Kill {
  readonly node: number
  readonly ledPartitions: number
  /** From SIGKILL to the first acknowledged write, of each partition the node led, sorted. */
  readonly ms: readonly number[]
  readonly readyMs: number
  readonly leadersBackMs: number | null
}

export interface Failover {
  readonly kills: readonly Kill[]
  readonly medianMs: number
  readonly p90Ms: number
  readonly worstMs: number
  /** The light load on all partitions, puts and gets: of a call counts when it began. */
  readonly load: {
    /** From a kill until each partition took a write. */
    readonly outage: Stretch
    /** From then on, until the node is back and leads again. */
    readonly back: Stretch
  }
}

interface Stretch {
  readonly requests: number
  readonly longestMs: number
  readonly failed: Log['failed']
}

const VALUE = new Uint8Array(100).fill(0x61)
/** Between two writes of one partition: light enough to leave time for elections. */
const PAUSE_MS = 50
const CALM_MS = 2_000

/** Kills one node after the other and times the first write each of their partitions takes. */
export async function failover(stage: Stage, options: Options): Promise<Failover> {
  const trio = await Trio.form(stage, 'failover', options)
  const keys = keyOfEach(options.partitions)
  const kv = await openClient(trio.seeds)
  const load = new LightLoad(kv, keys)
  const kills: Kill[] = []
  for (let i = 0; i < options.kills; i++) {
    await wait(CALM_MS)
    const kill = await killOne({ trio, kv, keys, load }, i % options.nodes)
    kills.push(kill)
    const { node, ledPartitions, ms } = kill
    const times = `median ${at(ms, 0.5).toFixed(0)} ms, worst ${(ms.at(-1) ?? 0).toFixed(0)} ms`
    console.error(`kill ${i + 1} of ${options.kills}: node ${node}, ${ledPartitions} led, ${times}`)
  }
  await load.stop()
  await kv.close()
  await trio.stop()
  return {
    kills,
    ...summary(kills),
    load: { outage: stretch(load.outage), back: stretch(load.back) }
  }
}

/** One caller for each partition. */
class LightLoad {
  readonly outage = new Log()
  readonly back = new Log()
  isOutage = false
  readonly #loops = new Loops()

  constructor(kv: KeyMesh<Uint8Array>, keys: readonly string[]) {
    for (const key of keys) {
      const call = clientCall(kv, { keys: [key], value: VALUE, timeoutMs: 5_000 })
      let log = this.back
      const begin: Call = (n) => {
        log = this.isOutage ? this.outage : this.back
        return call(n)
      }
      const record = (sample: Sample): void => log.add(sample)
      this.#loops.add({ call: begin, pauseMs: () => PAUSE_MS, record })
    }
  }

  async stop(): Promise<void> {
    await this.#loops.stop()
  }
}

function stretch({ requests, longestMs, failed }: Log): Stretch {
  return { requests, longestMs: rounded(longestMs), failed }
}

function summary(kills: readonly Kill[]) {
  const all = kills.flatMap(({ ms }) => ms).sort((a, b) => a - b)
  if (all.length === 0) throw new Refused('no node that was killed led anything')
  return { medianMs: at(all, 0.5), p90Ms: at(all, 0.9), worstMs: all.at(-1) ?? 0 }
}

interface Scene {
  readonly trio: Trio
  readonly kv: KeyMesh<Uint8Array>
  readonly keys: readonly string[]
  readonly load: LightLoad
}

async function killOne({ trio, kv, keys, load }: Scene, victim: number): Promise<Kill> {
  const led = trio.led(await trio.status(trio.other(victim)), victim)
  load.isOutage = true
  const killed = performance.now()
  trio.nodes[victim]?.kill('SIGKILL')
  // Begun after the kill: an answer that was on its way already proves nothing.
  const times = await Promise.all(led.map((p) => firstWrite(kv, keys[p] ?? '', killed)))
  load.isOutage = false
  const back = await trio.restart(victim)
  return {
    node: victim + 1,
    ledPartitions: led.length,
    ms: times.map(rounded).sort((a, b) => a - b),
    readyMs: rounded(back.readyMs),
    leadersBackMs: back.leadersBackMs === null ? null : rounded(back.leadersBackMs)
  }
}

export function failoverVerdicts({ medianMs, worstMs, p90Ms }: Failover): Verdict[] {
  return [
    atMost('failover: median', medianMs / 1_000, 2, 's'),
    atMost('failover: p90', p90Ms / 1_000, 5, 's'),
    atMost('failover: worst', worstMs / 1_000, 5, 's')
  ]
}
