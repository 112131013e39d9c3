import { setTimeout as wait } from 'node:timers/promises'
import { Refused } from '../../cluster/refused.ts'
import type { Stage } from '../../cluster/stage.ts'
import { cpuMicros, residentBytes } from '../rig/cpu.ts'
import { rounded } from '../rig/figures.ts'
import { openClient } from '../rig/keymesh.ts'
import { clientCall, Log, Loops } from './callers.ts'
import type { Options } from './options.ts'
import { Trio } from './trio.ts'
import { atMost, type Verdict } from './verdicts.ts'

/** Of one node in a stretch without requests. */
export interface Rest {
  /** Of one core. */
  readonly cpuPercent: number
  readonly residentMiB: number
}

export interface Idle {
  readonly formed: readonly Rest[]
  readonly loaded: readonly Rest[]
}

const VALUE = new Uint8Array(100).fill(0x61)
const LOAD_LOOPS = 64
const LOAD_KEYS = 20_000

/** What a cluster costs that nobody uses: when it is new, and after a load. */
export async function idle(stage: Stage, options: Options): Promise<Idle> {
  const trio = await Trio.form(stage, 'idle', options)
  const formed = await rest(trio, options)
  say('idle, new', formed)
  await load(trio, options.loadSeconds)
  const loaded = await rest(trio, options)
  say('idle, after a load', loaded)
  await trio.stop()
  return { formed, loaded }
}

async function rest(trio: Trio, { settleSeconds, idleSeconds }: Options): Promise<Rest[]> {
  await wait(settleSeconds * 1_000)
  const before = trio.pids.map(cpuMicros)
  const began = performance.now()
  await wait(idleSeconds * 1_000)
  const micros = (performance.now() - began) * 1_000
  return trio.pids.map((pid, i) => {
    const after = cpuMicros(pid)
    const resident = residentBytes(pid)
    const first = before[i]
    if (after === undefined || first === undefined || resident === undefined) {
      throw new Refused('this system does not tell what a process uses: only Linux does')
    }
    return {
      cpuPercent: rounded(((after - first) / micros) * 100),
      residentMiB: rounded(resident / 2 ** 20)
    }
  })
}

async function load(trio: Trio, seconds: number): Promise<void> {
  const keys = Array.from({ length: LOAD_KEYS }, (_, i) => `idle/${i}`)
  const kv = await openClient(trio.seeds)
  const loops = new Loops()
  const call = clientCall(kv, { keys, value: VALUE, timeoutMs: 5_000 })
  const log = new Log()
  for (let i = 0; i < LOAD_LOOPS; i++) {
    loops.add({ call, pauseMs: () => 0, record: (sample) => log.add(sample) })
  }
  await wait(seconds * 1_000)
  await loops.stop()
  await kv.close()
  const [failed] = log.failed
  if (failed !== undefined) {
    throw new Refused(`the load before the rest failed: ${failed.code}: ${failed.example}`)
  }
}

function say(what: string, rests: readonly Rest[]): void {
  const each = rests.map(
    ({ cpuPercent, residentMiB }) => `${cpuPercent.toFixed(1)} % ${residentMiB.toFixed(0)} MiB`
  )
  console.error(`${what}: ${each.join(', ')}`)
}

export function idleVerdicts({ formed, loaded }: Idle): Verdict[] {
  const most = (rests: readonly Rest[], of: (rest: Rest) => number): number =>
    Math.max(...rests.map(of))
  return [
    atMost(
      'idle, new: CPU of a node',
      most(formed, (one) => one.cpuPercent),
      5,
      '%'
    ),
    atMost(
      'idle, new: memory of a node',
      most(formed, (one) => one.residentMiB),
      200,
      'MiB'
    ),
    atMost(
      'idle, used: CPU of a node',
      most(loaded, (one) => one.cpuPercent),
      5,
      '%'
    ),
    atMost(
      'idle, used: memory of a node',
      most(loaded, (one) => one.residentMiB),
      200,
      'MiB'
    )
  ]
}
