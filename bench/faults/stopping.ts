import { setTimeout as wait } from 'node:timers/promises'
import type { Stage } from '../../cluster/stage.ts'
import { rounded } from '../rig/figures.ts'
import { openClient } from '../rig/keymesh.ts'
import { type Call, clientCall, httpCaller, Log, Loops, type Sample } from './callers.ts'
import type { Options } from './options.ts'
import { keyOfEach, Trio } from './trio.ts'
import { atMost, type Verdict } from './verdicts.ts'

/** Requests of one stretch of time. */
interface Stretch {
  readonly requests: number
  readonly failed: Log['failed']
  readonly longestClientMs: number
  readonly longestHttpMs: number
}

export interface Stop {
  readonly node: number
  /** Or the name of a signal. */
  readonly exitCode: number | string
  readonly tookMs: number
  /** Before anything happened: what the longest request takes anyway. */
  readonly before: Stretch
  /** From SIGTERM until two seconds after the end. */
  readonly during: Stretch
  /** From the restart until the node leads again. */
  readonly back: Stretch
}

const VALUE = new Uint8Array(100).fill(0x61)
const CLIENT_LOOPS = 8
const HTTP_LOOPS_EACH = 4
const PAUSE_MS = 5
const BEFORE_MS = 3_000
const AFTER_MS = 2_000

/** Stops one node after the other while clients, and HTTP callers of the others, go on. */
export async function stopping(stage: Stage, options: Options): Promise<Stop[]> {
  const trio = await Trio.form(stage, 'stopping', options)
  const stops: Stop[] = []
  for (let node = 0; node < options.nodes; node++) {
    const stop = await stopOne(trio, node)
    stops.push(stop)
    const { exitCode, tookMs, during } = stop
    const longest = Math.max(during.longestClientMs, during.longestHttpMs).toFixed(0)
    console.error(
      `node ${node + 1} stopped: exit ${exitCode} in ${tookMs.toFixed(0)} ms, ` +
        `${during.requests} requests, ${total(during)} failed, longest ${longest} ms`
    )
  }
  await trio.stop()
  return stops
}

async function stopOne(trio: Trio, node: number): Promise<Stop> {
  const before = new Logs()
  const during = new Logs()
  const back = new Logs()
  let logs = before
  const load = await startLoad(trio, node, () => logs)
  await wait(BEFORE_MS)
  logs = during
  const began = performance.now()
  trio.nodes[node]?.kill('SIGTERM')
  const exitCode = (await trio.nodes[node]?.ended()) ?? 'lost'
  const tookMs = performance.now() - began
  await wait(AFTER_MS)
  logs = back
  await trio.restart(node)
  await load.stop()
  return {
    node: node + 1,
    exitCode,
    tookMs: rounded(tookMs),
    before: before.stretch(),
    during: during.stretch(),
    back: back.stretch()
  }
}

/** A call belongs to the stretch in which it began. */
class Logs {
  readonly client = new Log()
  readonly http = new Log()

  stretch(): Stretch {
    return {
      requests: this.client.requests + this.http.requests,
      failed: [...this.client.failed, ...this.http.failed],
      longestClientMs: rounded(this.client.longestMs),
      longestHttpMs: rounded(this.http.longestMs)
    }
  }
}

async function startLoad(
  trio: Trio,
  except: number,
  logs: () => Logs
): Promise<{ stop: () => Promise<void> }> {
  const way = { keys: keyOfEach(trio.partitions), value: VALUE, timeoutMs: 5_000 }
  const kv = await openClient(trio.seeds)
  const loops = new Loops()
  const add = (call: Call, of: (logs: Logs) => Log): void => {
    let current = of(logs())
    const begin: Call = (n) => {
      current = of(logs())
      return call(n)
    }
    const record = (sample: Sample): void => current.add(sample)
    loops.add({ call: begin, pauseMs: () => PAUSE_MS, record })
  }
  const call = clientCall(kv, way)
  for (let i = 0; i < CLIENT_LOOPS; i++) add(call, ({ client }) => client)
  const callers = trio.urls
    .filter((_, i) => i !== except)
    .flatMap((url) => Array.from({ length: HTTP_LOOPS_EACH }, () => httpCaller(url, way)))
  for (const caller of callers) add(caller.call, ({ http }) => http)
  return {
    stop: async () => {
      await loops.stop()
      for (const { close } of callers) close()
      await kv.close()
    }
  }
}

function total({ failed }: Stretch): number {
  return failed.reduce((sum, { count }) => sum + count, 0)
}

export function stoppingVerdicts(stops: readonly Stop[]): Verdict[] {
  const most = (of: (stop: Stop) => number): number => Math.max(...stops.map(of))
  const sum = (of: (stop: Stop) => number): number => stops.reduce((all, one) => all + of(one), 0)
  const longest = most(({ during }) => Math.max(during.longestClientMs, during.longestHttpMs))
  const longestBack = most(({ back }) => Math.max(back.longestClientMs, back.longestHttpMs))
  return [
    atMost(
      'stop: failed requests',
      sum(({ during }) => total(during)),
      0,
      'requests'
    ),
    atMost('stop: longest request', longest, 500, 'ms'),
    atMost(
      'stop: exit codes other than 0',
      sum((one) => Number(one.exitCode !== 0)),
      0,
      'exits'
    ),
    atMost('stop: longest stop', most(({ tookMs }) => tookMs) / 1_000, 10, 's'),
    atMost(
      'coming back: failed requests',
      sum(({ back }) => total(back)),
      0,
      'requests'
    ),
    atMost('coming back: longest request', longestBack, 500, 'ms')
  ]
}
