import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setTimeout as wait } from 'node:timers/promises'
import type { KeyMesh } from 'keymesh'
import { rounded } from '../rig/figures.ts'
import { serve, settingsOf } from '../rig/generator.ts'
import { openClient } from '../rig/keymesh.ts'
import { Latencies } from '../rig/latencies.ts'
import { clientCall, type Ended, httpCaller, Loops, type Sample } from './callers.ts'

// A process full of callers: through clients of the library, or over HTTP connections.

export interface OverloadSettings {
  readonly way: 'client' | 'http'
  /** Multiaddrs or URLs of all nodes. */
  readonly targets: readonly string[]
  readonly keys: number
}

export interface OverloadJob {
  readonly inFlight: number
  readonly seconds: number
  /** That each call gives the server. */
  readonly timeoutMs: number
  /** Before a caller who was refused comes back. */
  readonly shedPauseMs: number
}

/** Calls that ended alike. */
export interface Kind {
  /** '': they succeeded. */
  readonly code: string
  readonly count: number
  readonly example: string
  /** As `Latencies` encodes it. */
  readonly latencies: string
}

export interface OverloadOutcome {
  readonly kinds: readonly Kind[]
  /** Calls that succeeded in each second. */
  readonly useful: readonly number[]
  /** When the last call began, in milliseconds of the clock all processes share. */
  readonly endedAt: number
  /** How late timers of the generator came: a caller who is late himself waits for himself. */
  readonly lateMs: { readonly p50: number; readonly p99: number }
}

const TIMER_MS = 10
/** What the library itself lets a client have in flight; more would be refused on this side. */
const CALLS_OF_A_CLIENT = 1_000
const VALUE = new Uint8Array(100).fill(0x61)

const settings = settingsOf<OverloadSettings>()
const keys = Array.from({ length: settings.keys }, (_, i) => `overload/${i}`)
const clients: Promise<KeyMesh<Uint8Array>>[] = []
serve(run)

async function run(job: OverloadJob): Promise<OverloadOutcome> {
  const loops = new Loops()
  const way = { keys, value: VALUE, timeoutMs: job.timeoutMs }
  const callers = await Promise.all(
    Array.from({ length: job.inFlight }, async (_, i) =>
      settings.way === 'client'
        ? { call: clientCall(await clientFor(i), way), close: () => {} }
        : httpCaller(settings.targets[i % settings.targets.length] ?? '', way)
    )
  )
  const tally = new Tally()
  const late = monitorEventLoopDelay({ resolution: TIMER_MS })
  late.enable()
  const record = (sample: Sample): void => tally.add(sample)
  // A refused caller who came back at once would load its own processor, not the server.
  const pauseMs = ({ code }: Ended): number => (code === '' ? 0 : job.shedPauseMs)
  for (const { call } of callers) loops.add({ call, pauseMs, record })
  await wait(job.seconds * 1_000)
  const endedAt = performance.timeOrigin + performance.now()
  late.disable()
  await loops.stop()
  for (const { close } of callers) close()
  const lateMs = { p50: lateness(late.percentile(50)), p99: lateness(late.percentile(99)) }
  return { ...tally.outcome(), endedAt, lateMs }
}

/** The monitor tells the whole time between two timers, in nanoseconds. */
function lateness(nanoseconds: number): number {
  return rounded(Math.max(0, nanoseconds / 1e6 - TIMER_MS))
}

async function clientFor(i: number): Promise<KeyMesh<Uint8Array>> {
  const at = Math.floor(i / CALLS_OF_A_CLIENT)
  clients[at] ??= openClient(settings.targets)
  return await clients[at]
}

class Tally {
  readonly #began = performance.now()
  readonly #useful: number[] = []
  readonly #kinds = new Map<string, { example: string; latencies: Latencies }>()

  add({ ms, ended }: Sample): void {
    const kind = this.#kinds.get(ended.code) ?? this.#newKind(ended.code, ended.message)
    kind.latencies.record(ms)
    if (ended.code !== '') return
    const second = Math.floor((performance.now() - this.#began) / 1_000)
    this.#useful[second] = (this.#useful[second] ?? 0) + 1
  }

  outcome(): Pick<OverloadOutcome, 'kinds' | 'useful'> {
    const kinds = [...this.#kinds].map(([code, { example, latencies }]) => {
      return { code, count: latencies.count, example, latencies: latencies.encoded() }
    })
    return { kinds, useful: Array.from(this.#useful, (count) => count ?? 0) }
  }

  #newKind(code: string, message: string) {
    const kind = { example: message.slice(0, 300), latencies: new Latencies() }
    this.#kinds.set(code, kind)
    return kind
  }
}
