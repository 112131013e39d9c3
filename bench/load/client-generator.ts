import { KeyMeshError, type ReadOptions } from 'keymesh'
import { serve, settingsOf } from '../rig/generator.ts'
import { openClient } from '../rig/keymesh.ts'
import {
  drawer,
  filled,
  isOfLocks,
  isTransaction,
  type Job,
  keysOf,
  type Load,
  type LockLoad,
  MIX_PERIOD,
  type Outcome,
  type Settings,
  type TransactionLoad
} from './job.ts'
import { type Pair, pairDrawer } from './pairs.ts'
import { Window } from './window.ts'

// Load through the client library: so many loops, each with one call at a time.

const settings = settingsOf<Settings>()
const { targets, valueBytes } = settings
const keys = keysOf(settings.keys)
const value = filled(valueBytes)
const EVENTUAL: ReadOptions = { consistency: 'eventual' }

const kv = await openClient(targets)
serve(run)

async function run(job: Job): Promise<Outcome> {
  const window = new Window()
  const call = callOf(job.load)
  const loops = Array.from({ length: job.inFlight }, () => loop(call, window))
  const outcome = await window.measure(job)
  await Promise.all(loops)
  return outcome
}

async function loop(call: () => Promise<unknown>, window: Window): Promise<void> {
  while (!window.isOver) {
    const began = performance.now()
    try {
      const answer = await call()
      if (answer === undefined) window.failed('missing', 'a key that was written is not there')
      else if (answer instanceof Took) window.succeeded(answer.ms)
      else window.succeeded(performance.now() - began)
    } catch (error) {
      if (!(error instanceof KeyMeshError)) throw error
      window.failed(error.code, error.message)
    }
  }
}

/** What counts of a call is not the whole time it took. */
class Took {
  readonly ms: number

  constructor(ms: number) {
    this.ms = ms
  }
}

function lockOf(load: LockLoad): () => Promise<unknown> {
  const draw = drawer(keys.length, 1)
  let releasedAt = performance.now()
  if (load === 'lock') {
    return async () => {
      const lock = await kv.lock(keys[draw()] ?? '')
      await lock.release()
      return true
    }
  }
  return async () => {
    const lock = await kv.lock('handover', { wait: 60_000 })
    const took = new Took(performance.now() - releasedAt)
    releasedAt = performance.now()
    await lock.release()
    return took
  }
}

/** A function that makes the next call of this load. */
function callOf(load: Load): () => Promise<unknown> {
  if (isTransaction(load)) return transactionOf(load)
  if (isOfLocks(load)) return lockOf(load)
  const draw = drawer(keys.length, 1)
  const key = (): string => keys[draw()] ?? ''
  let made = 0
  switch (load) {
    case 'put':
      return () => kv.put(key(), value)
    case 'get':
      return () => kv.get(key())
    case 'eventual':
      return () => kv.get(key(), EVENTUAL)
    case 'mix':
      return () => (made++ % MIX_PERIOD === 0 ? kv.put(key(), value) : kv.get(key()))
  }
}

function transactionOf(load: TransactionLoad): () => Promise<unknown> {
  const pair = pairDrawer(load, settings, 1)
  if (load === 'rmw') return () => swap(pair())
  return () => {
    const [first, second] = pair()
    return kv.batch([
      { put: first, value },
      { put: second, value }
    ])
  }
}

/** Lets each key have the other's value; undefined: one of them is not there. */
async function swap(keys: Pair): Promise<unknown> {
  return await kv.transaction(async (tx) => {
    const [first, second] = await tx.getMany(keys)
    if (first === undefined || second === undefined) return undefined
    tx.put(keys[0], second)
    tx.put(keys[1], first)
    return true
  })
}
