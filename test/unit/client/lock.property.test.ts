import { expect, test } from 'vitest'
import type { KeyMesh, Lock } from '../../../src/client/api.ts'
import { KeyMeshError } from '../../../src/client/errors.ts'
import { openKeyMesh } from '../../../src/client/keymesh.ts'
import type { Random } from '../../../src/world/random.ts'
import { ModelStore } from './model-store.ts'

// Goal: whoever believes to hold a lock does hold it, whatever is lost on the way, and nobody
// leaves a place or a lock behind. Method: several clients over a model of locks in virtual time,
// where answers get lost, callers give up and all is silent for a while; looked at every
// millisecond.

const SEEDS = 15
const CLIENTS = 3
const ACTORS = 8
const ROUNDS = 8
const KEYS = ['a', 'b']
const TTL_MS = 400
const QUIET_MS = 200
const STEPS_MAX = 200_000

class Trial {
  readonly store: ModelStore
  readonly held = new Set<Lock>()
  readonly #chance: Random
  readonly #clients: readonly KeyMesh[]
  grants = 0
  losses = 0

  constructor(seed: string) {
    this.store = new ModelStore(seed)
    this.#chance = this.store.world.random.fork('trial')
    const { call, clock, timers, random, turns } = this.store
    const carrier = {
      call,
      clock,
      timers,
      random,
      turns,
      view: undefined,
      close: (done: () => void) => done()
    }
    const defaults = { timeoutMs: 300, consistency: 'strong' } as const
    this.#clients = Array.from({ length: CLIENTS }, () => openKeyMesh(carrier, defaults))
  }

  /** Each holds a lock for up to `holdMs`. */
  async run(percentLost: number, holdMs: number): Promise<void> {
    this.store.isLost = () => this.#chance.below(100) < percentLost
    const all = Promise.all(Array.from({ length: ACTORS }, () => this.#act(holdMs)))
    let isOver = false
    const over = (): void => {
      isOver = true
    }
    all.then(over, over)
    for (let steps = 0; !isOver && steps < STEPS_MAX; steps++) {
      for (let turns = 0; turns < 10; turns++) await Promise.resolve()
      if (percentLost > 0 && this.#chance.below(500) === 0) this.#beSilent()
      this.store.run(1)
      this.#look()
    }
    await all
  }

  #beSilent(): void {
    this.store.silent = true
    this.store.life.timers.after(this.#chance.below(2 * TTL_MS), () => {
      this.store.silent = false
    })
  }

  #look(): void {
    for (const lock of this.held) {
      if (lock.signal.aborted) {
        this.losses++
        this.held.delete(lock)
        continue
      }
      const key = Buffer.from(lock.key as string)
      const isHeld = this.store.locks.holds({ type: 'lock', key, guard: false, token: lock.token })
      expect(isHeld, `token ${lock.token} at ${this.store.world.now} ms`).toBe(true)
    }
  }

  async #act(holdMs: number): Promise<void> {
    for (let round = 0; round < ROUNDS; round++) {
      const kv = this.#clients[this.#chance.below(CLIENTS)] as KeyMesh
      const key = KEYS[this.#chance.below(KEYS.length)] as string
      const controller = new AbortController()
      const gaveUp = new Error('gave up')
      if (this.#chance.below(3) === 0) {
        this.store.life.timers.after(this.#chance.below(300), () => controller.abort(gaveUp))
      }
      const { signal } = controller
      const options = { ttl: TTL_MS, wait: this.#chance.below(600), signal }
      try {
        const lock = await kv.lock(key, { ...options, shared: this.#chance.below(4) === 0 })
        this.grants++
        this.held.add(lock)
        await this.#after(this.#chance.below(holdMs))
        this.held.delete(lock)
        await lock.release()
      } catch (error) {
        if (error !== gaveUp && !(error instanceof KeyMeshError)) throw error
      }
    }
  }

  #after(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.store.life.timers.after(ms, resolve)
    })
  }
}

test('goal: without losses every place and lock is given back at once', async () => {
  let grants = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const trial = new Trial(`kept ${seed}`)
    await trial.run(0, 100)
    trial.store.run(QUIET_MS)
    expect(trial.store.locks.nextEnd, `seed ${seed}`).toBe(Number.POSITIVE_INFINITY)
    expect(trial.losses, `seed ${seed}`).toBe(0)
    grants += trial.grants
  }
  expect(grants).toBeGreaterThan(SEEDS * 20)
})

test('goal: with losses a lock is lost to its client first, and free after its ttl', async () => {
  let grants = 0
  let losses = 0
  for (let seed = 1; seed <= SEEDS; seed++) {
    const trial = new Trial(`lost ${seed}`)
    await trial.run(15, 700)
    trial.store.isLost = () => false
    trial.store.run(2 * TTL_MS)
    trial.store.locks.expire()
    expect(trial.store.locks.nextEnd, `seed ${seed}`).toBe(Number.POSITIVE_INFINITY)
    grants += trial.grants
    losses += trial.losses
  }
  expect(grants).toBeGreaterThan(SEEDS * 10)
  expect(losses).toBeGreaterThan(0)
})
