import { setTimeout as wait } from 'node:timers/promises'
import { type KeyMesh, KeyMeshError } from 'keymesh'
import type { Stage } from '../../cluster/stage.ts'
import { partitionOf } from '../../src/keyspace/hash.ts'
import { rounded } from '../rig/figures.ts'
import { openClient } from '../rig/keymesh.ts'
import { type Ended, Log, Loops } from './callers.ts'
import { firstWrite } from './first-write.ts'
import type { Options } from './options.ts'
import { keyOfEach, Trio } from './trio.ts'
import { atLeast, atMost, type Verdict } from './verdicts.ts'

/** Milliseconds from SIGKILL to the first acknowledged write, begun after the kill; sorted. */
export interface CoordinatorKill {
  readonly node: number
  /** Under way at the kill, with an anchor the node led: it coordinated them. */
  readonly transactions: number
  /** Of the keys of these, in partitions that other nodes lead. */
  readonly heldMs: readonly number[]
  /** Of the keys of these, in partitions the node led. */
  readonly ledMs: readonly number[]
  /** Of a key that no transaction touches, of each partition the node led: plain failover. */
  readonly failoverMs: readonly number[]
  /** Of such a key of each partition that others lead. */
  readonly othersMs: readonly number[]
  /** The same writes just before the kill: what they take anyway. */
  readonly beforeMs: readonly number[]
}

export interface Coordinator {
  readonly kills: readonly CoordinatorKill[]
  /** The longest of all kills. */
  readonly worst: {
    readonly heldMs: number
    readonly ledMs: number
    readonly failoverMs: number
    readonly othersMs: number
    readonly beforeMs: number
    /** Of one kill: the longest of the others, beyond the longest before. */
    readonly addedMs: number
  }
  /** Transactions of the load: those under way at a kill, and all others. */
  readonly struck: { readonly requests: number; readonly failed: Log['failed'] }
  readonly load: { readonly requests: number; readonly failed: Log['failed'] }
}

interface Transaction {
  readonly keys: readonly [string, string]
  readonly partitions: readonly [number, number]
}

const CALLERS = 24
/** Of the load: so few calls at a time and so many keys hardly ever meet. */
const KEYS = 5_000
const PAUSE_MS = 2
const CALM_MS = 2_000
/** Elections of the other partitions take the same processors. */
const ADDED_S_MAX = 0.5
const VALUE = new Uint8Array(100).fill(0x61)

/** Kills coordinators under a light load of transactions, and writes to the keys they held. */
export async function coordinator(stage: Stage, options: Options): Promise<Coordinator> {
  const trio = await Trio.form(stage, 'coordinator', options)
  const load = new TransactionLoad(await openClient(trio.seeds), options.partitions)
  // Who writes after a kill is another client: it knows nothing of what is under way.
  const kv = await openClient(trio.seeds)
  const kills: CoordinatorKill[] = []
  for (let i = 0; i < options.kills; i++) {
    load.go()
    await wait(CALM_MS)
    const kill = await killOne({ trio, kv, load }, i % options.nodes)
    kills.push(kill)
    say(i, options, kill)
  }
  await load.stop()
  await kv.close()
  await trio.stop()
  return {
    kills,
    worst: {
      heldMs: longest(kills.flatMap(({ heldMs }) => heldMs)),
      ledMs: longest(kills.flatMap(({ ledMs }) => ledMs)),
      failoverMs: longest(kills.flatMap(({ failoverMs }) => failoverMs)),
      othersMs: longest(kills.flatMap(({ othersMs }) => othersMs)),
      beforeMs: longest(kills.flatMap(({ beforeMs }) => beforeMs)),
      addedMs: longest(kills.map(({ othersMs, beforeMs }) => longest(othersMs) - longest(beforeMs)))
    },
    struck: { requests: load.struck.requests, failed: load.struck.failed },
    load: { requests: load.calm.requests, failed: load.calm.failed }
  }
}

function say(i: number, { kills }: Options, kill: CoordinatorKill): void {
  const { node, transactions, heldMs, ledMs, failoverMs, othersMs } = kill
  const ms = (times: readonly number[]): string => `${longest(times).toFixed(0)} ms`
  console.error(
    `kill ${i + 1} of ${kills}: node ${node}, ${transactions} transactions; longest: ` +
      `held ${ms(heldMs)}, led ${ms(ledMs)}, failover ${ms(failoverMs)}, others ${ms(othersMs)}`
  )
}

function longest(times: readonly number[]): number {
  return Math.max(0, ...times)
}

/** Callers who write two keys of two partitions at one moment, again and again. */
class TransactionLoad {
  /** By what was under way when the load was held. */
  readonly struck = new Log()
  readonly calm = new Log()
  readonly #kv: KeyMesh<Uint8Array>
  readonly #partitions: number
  readonly #underWay = new Set<Transaction>()
  readonly #struck = new WeakSet<Transaction>()
  readonly #loops = new Loops()
  #drawn = 0
  #gate = Promise.withResolvers<void>()

  constructor(kv: KeyMesh<Uint8Array>, partitions: number) {
    this.#kv = kv
    this.#partitions = partitions
    for (let i = 0; i < CALLERS; i++) this.#addCaller()
  }

  go(): void {
    this.#gate.resolve()
  }

  /** None begins from now on, until `go`. Returns what is under way. */
  hold(): Transaction[] {
    this.#gate = Promise.withResolvers()
    for (const one of this.#underWay) this.#struck.add(one)
    return [...this.#underWay]
  }

  async stop(): Promise<void> {
    const stopped = this.#loops.stop()
    this.go()
    await stopped
    await this.#kv.close()
  }

  #addCaller(): void {
    let current: Transaction | undefined
    const call = async (): Promise<Ended> => {
      await this.#gate.promise
      const transaction = this.#draw()
      current = transaction
      this.#underWay.add(transaction)
      const ended = await commit(this.#kv, transaction)
      this.#underWay.delete(transaction)
      return ended
    }
    this.#loops.add({
      call,
      pauseMs: () => PAUSE_MS,
      record: (sample) => {
        const isStruck = current !== undefined && this.#struck.has(current)
        const log = isStruck ? this.struck : this.calm
        log.add(sample)
      }
    })
  }

  #draw(): Transaction {
    const first = this.#key()
    for (;;) {
      const second = this.#key()
      if (second.partition === first.partition) continue
      const keys = [first.key, second.key] as const
      return { keys, partitions: [first.partition, second.partition] }
    }
  }

  #key(): { readonly key: string; readonly partition: number } {
    const key = `coordinator/${(this.#drawn++ * 7_919) % KEYS}`
    return { key, partition: partitionOf(Buffer.from(key), this.#partitions) }
  }
}

async function commit(kv: KeyMesh<Uint8Array>, { keys }: Transaction): Promise<Ended> {
  try {
    await kv.batch(keys.map((put) => ({ put, value: VALUE })))
    return { code: '', message: '' }
  } catch (error) {
    if (!(error instanceof KeyMeshError)) throw error
    return { code: error.code, message: error.message }
  }
}

interface Scene {
  readonly trio: Trio
  readonly kv: KeyMesh<Uint8Array>
  readonly load: TransactionLoad
}

async function killOne({ trio, kv, load }: Scene, victim: number): Promise<CoordinatorKill> {
  const led = new Set(trio.led(await trio.status(trio.other(victim)), victim))
  const untouched = keyOfEach(trio.partitions)
  const others = untouched.filter((_, partition) => !led.has(partition))
  const beforeMs = await times(kv, untouched)
  trio.nodes[victim]?.kill('SIGKILL')
  // The anchor is the lowest group of a transaction, and its leader coordinates.
  const coordinated = load.hold().filter(({ partitions }) => led.has(Math.min(...partitions)))
  const touched = new Map(
    coordinated.flatMap(({ keys, partitions }) =>
      keys.map((key, i) => [key, led.has(partitions[i] ?? 0)] as const)
    )
  )
  const where = (wasLed: boolean): string[] => {
    return [...touched].flatMap(([key, isLed]) => (isLed === wasLed ? [key] : []))
  }
  const [heldMs, ledMs, failoverMs, othersMs] = await Promise.all([
    times(kv, where(false)),
    times(kv, where(true)),
    times(
      kv,
      untouched.filter((_, partition) => led.has(partition))
    ),
    times(kv, others)
  ])
  await trio.restart(victim)
  return {
    node: victim + 1,
    transactions: coordinated.length,
    heldMs,
    ledMs,
    failoverMs,
    othersMs,
    beforeMs
  }
}

/** From now until each key has taken a write. */
async function times(kv: KeyMesh<Uint8Array>, keys: readonly string[]): Promise<number[]> {
  const began = performance.now()
  const all = await Promise.all(keys.map((key) => firstWrite(kv, key, began)))
  return all.map(rounded).sort((a, b) => a - b)
}

export function coordinatorVerdicts({ kills, worst }: Coordinator): Verdict[] {
  const touched = kills.reduce((sum, { heldMs, ledMs }) => sum + heldMs.length + ledMs.length, 0)
  const longestMs = Math.max(worst.heldMs, worst.ledMs)
  return [
    // None that was held would prove nothing.
    atLeast('coordinator: keys it was at, per kill', touched / kills.length, 1, 'keys'),
    atMost('coordinator: longest until one is written', longestMs / 1_000, 5, 's'),
    atMost('coordinator: added for other keys', worst.addedMs / 1_000, ADDED_S_MAX, 's')
  ]
}
