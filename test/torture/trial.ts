import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { connect, type KeyMesh, text } from 'keymesh'
import { Refused } from '../../cluster/refused.ts'
import type { Stage } from '../../cluster/stage.ts'
import type { Random } from '../../src/world/random.ts'
import { Arena, HTTP_HEADERS, type Shape } from './arena.ts'
import { type Caller, ClientCaller, HttpCaller, insist } from './callers.ts'
import type { Fault } from './faults/fault.ts'
import { Namespaces } from './namespaces.ts'
import { Proxies } from './proxies.ts'
import { playRound, type RoundReport } from './round.ts'

const HTTP_CALLERS = 6
const CLIENTS = 2
const CALLERS_OF_A_CLIENT = 3

export interface TrialOptions {
  /** Of its directory on the stage. */
  readonly name: string
  readonly shape: Shape
  /** Nodes in namespaces of their own; else behind proxies. */
  readonly isApart: boolean
  /** Whatever lasts in a fault, lasts no longer than this. */
  readonly msMax?: number
  readonly say: (what: string) => void
}

/** One cluster with its callers. */
export class Trial {
  readonly arena: Arena
  readonly #clients: KeyMesh<string>[] = []
  readonly #callers: Caller[] = []

  readonly #options: TrialOptions

  private constructor(arena: Arena, options: TrialOptions) {
    this.arena = arena
    this.#options = options
  }

  /** Forms the cluster and lets its callers in. Throws Refused when it does not become whole. */
  static async open(stage: Stage, options: TrialOptions): Promise<Trial> {
    const { name, shape, isApart } = options
    const directory = join(stage.directory, name)
    mkdirSync(directory)
    const places = shape.nodes + 1
    let arena: Arena | undefined
    const network = isApart
      ? new Namespaces(places)
      : await Proxies.open(places, () => arena?.pids ?? [])
    arena = new Arena({ stage, directory, network, ...shape })
    const trial = new Trial(arena, options)
    await arena.form()
    const ill = await arena.healthy()
    if (ill !== undefined) throw new Refused(`a new cluster is not whole: ${ill}`)
    await trial.#call()
    return trial
  }

  async #call(): Promise<void> {
    const urls = this.arena.all.map((node) => this.arena.url(node))
    for (let i = 0; i < HTTP_CALLERS; i++) {
      this.#callers.push(new HttpCaller(`http-${i}`, urls, HTTP_HEADERS, i))
    }
    for (let i = 0; i < CLIENTS; i++) {
      const { clusterKey } = Arena
      const kv = await connect({ seeds: this.arena.seeds, codec: text, clusterKey })
      this.#clients.push(kv)
      for (let j = 0; j < CALLERS_OF_A_CLIENT; j++) {
        this.#callers.push(new ClientCaller(`client-${i}-${j}`, `client-${i}`, kv))
      }
    }
  }

  /** One round of `fault`; `name`: of the keys it uses. */
  async play(name: string, fault: Fault, random: Random): Promise<RoundReport> {
    const { arena } = this
    const callers = this.#callers
    const { say, msMax = Number.POSITIVE_INFINITY } = this.#options
    return await playRound({ name, arena, callers, random, msMax, say }, fault)
  }

  /** Reads everything that earlier rounds were sure of; returns what is not there. */
  async recall(reports: readonly RoundReport[]): Promise<string[]> {
    const left = reports.flatMap(({ settled }) => settled).values()
    const missing: string[] = []
    const read = async (caller: Caller): Promise<void> => {
      for (const { key, value } of left) {
        const asked = { key, call: { type: 'get' }, consistency: 'strong' } as const
        const { outcome } = await insist(caller, asked)
        const answer = outcome.type === 'ok' ? outcome.answer : outcome
        if (answer.type === 'value' && answer.value === value) continue
        missing.push(`${key} was settled in an earlier round: ${JSON.stringify(answer)}`)
      }
    }
    await Promise.all(this.#callers.map(read))
    return missing
  }

  async close(): Promise<void> {
    for (const caller of this.#callers) caller.close()
    await Promise.all(this.#clients.map((kv) => kv.close()))
    await this.arena.end()
  }
}
