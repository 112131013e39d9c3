import type { KeyMesh } from 'keymesh'
import { openClient } from '../rig/keymesh.ts'
import { clientCall, httpCaller, Loops, type Sample } from './callers.ts'
import { keyOfEach, type Trio } from './trio.ts'

const CLIENT_LOOPS = 4
const HTTP_LOOPS = 4
const PAUSE_MS = 10
const VALUE = new Uint8Array(100).fill(0x61)

/** A few callers, on keys of all partitions, by whom one sees how a cluster is. */
export class Probe {
  /** In the order they ended; times of the clock all processes share. */
  readonly samples: Sample[] = []
  readonly #kv: KeyMesh<Uint8Array>
  readonly #loops = new Loops()
  readonly #closers: (() => void)[] = []

  private constructor(kv: KeyMesh<Uint8Array>) {
    this.#kv = kv
  }

  static async start(trio: Trio): Promise<Probe> {
    const probe = new Probe(await openClient(trio.seeds))
    const way = { keys: keyOfEach(trio.partitions), value: VALUE, timeoutMs: 5_000 }
    const record = (sample: Sample): void => {
      probe.samples.push({ ...sample, began: performance.timeOrigin + sample.began })
    }
    const pauseMs = (): number => PAUSE_MS
    for (let i = 0; i < CLIENT_LOOPS; i++) {
      probe.#loops.add({ call: clientCall(probe.#kv, way), pauseMs, record })
    }
    for (let i = 0; i < HTTP_LOOPS; i++) {
      const { call, close } = httpCaller(trio.urls[i % trio.urls.length] ?? '', way)
      probe.#loops.add({ call, pauseMs, record })
      probe.#closers.push(close)
    }
    return probe
  }

  async stop(): Promise<void> {
    await this.#loops.stop()
    for (const close of this.#closers) close()
    await this.#kv.close()
  }
}
