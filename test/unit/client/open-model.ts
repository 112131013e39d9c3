import type { KeyMesh } from '../../../src/client/api.ts'
import { openKeyMesh } from '../../../src/client/keymesh.ts'
import { ModelStore } from './model-store.ts'

const STEPS_MAX = 100_000

export interface Opened {
  readonly store: ModelStore
  readonly kv: KeyMesh
  /** Lets virtual time go on until `call` settles. */
  readonly end: <T>(call: Promise<T>) => Promise<T>
}

/** The programming interface over a model of the cluster. */
export function open(): Opened {
  const store = new ModelStore('api')
  const { call, clock, timers, random, turns } = store
  const close = (done: () => void): void => done()
  const carrier = { call, clock, timers, random, turns, view: undefined, close }
  const kv = openKeyMesh(carrier, { timeoutMs: 1_000, consistency: 'strong' })
  return { store, kv, end: (promise) => settled(store, promise) }
}

async function settled<T>(store: ModelStore, promise: Promise<T>): Promise<T> {
  let isOver = false
  const over = (): void => {
    isOver = true
  }
  promise.then(over, over)
  for (let steps = 0; !isOver && steps < STEPS_MAX; steps++) {
    // Callbacks go on in microtasks, any number of them in a row.
    for (let turns = 0; turns < 20; turns++) await Promise.resolve()
    store.run(1)
  }
  return promise
}
