import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { leadersKnown, NodeProcess } from '../../cluster/nodes.ts'
import { freePorts } from '../../cluster/ports.ts'
import { Refused } from '../../cluster/refused.ts'
import type { Stage } from '../../cluster/stage.ts'
import type { ClusterStatus } from '../../src/gateway/cluster-status.ts'
import { partitionOf } from '../../src/keyspace/hash.ts'

const READY_MS_MAX = 60_000
const SETTLED_MS_MAX = 120_000
const POLL_MS = 100

/** A cluster whose nodes die and come back at the same addresses. */
export class Trio {
  readonly partitions: number
  readonly nodes: NodeProcess[] = []
  readonly urls: string[] = []
  readonly seeds: string[] = []
  /** Node ids, in the order of the nodes. */
  readonly ids: string[] = []
  readonly #stage: Stage
  readonly #directory: string
  readonly #args: (readonly string[])[] = []

  private constructor(stage: Stage, name: string, partitions: number) {
    this.#stage = stage
    this.#directory = join(stage.directory, name)
    this.partitions = partitions
  }

  /** `name`: of its directory on the stage. */
  static async form(
    stage: Stage,
    name: string,
    shape: { readonly nodes: number; readonly partitions: number }
  ): Promise<Trio> {
    const trio = new Trio(stage, name, shape.partitions)
    const ports = await freePorts(2 * shape.nodes)
    const listen = (i: number): string => `/ip4/127.0.0.1/tcp/${ports[2 * i]}`
    const forming = ['--bootstrap', '--expect', String(shape.nodes)]
    forming.push('--partitions', String(shape.partitions))
    for (let i = 0; i < shape.nodes; i++) {
      const data = join(trio.#directory, `node-${i + 1}`)
      const own = ['--data', data, '--listen', listen(i), '--http', `127.0.0.1:${ports[2 * i + 1]}`]
      const seeds = Array.from({ length: shape.nodes }, (_, other) => other)
        .filter((other) => other !== i)
        .flatMap((other) => ['--seed', listen(other)])
      trio.#args.push([...own, ...seeds, ...(i === 0 ? forming : [])])
      trio.#start(i)
    }
    trio.urls.push(...(await Promise.all(trio.nodes.map((node) => node.ready(READY_MS_MAX)))))
    trio.seeds.push(...(await Promise.all(trio.nodes.map((node) => node.listening()))))
    trio.ids.push(...trio.seeds.map((seed) => seed.split('/p2p/')[1] ?? ''))
    for (const url of trio.urls) await leadersKnown(url, READY_MS_MAX)
    if (!(await trio.#isBalanced(0))) throw new Refused('the leaders do not spread over the nodes')
    return trio
  }

  get pids(): number[] {
    return this.nodes.map(({ pid }) => pid)
  }

  /** As node `i` sees it. */
  async status(i: number): Promise<ClusterStatus> {
    const response = await fetch(`${this.urls[i]}/v1/cluster`)
    if (!response.ok) throw new Refused(`node ${i + 1} answered ${response.status}`)
    return (await response.json()) as ClusterStatus
  }

  /** The partitions node `i` leads. */
  led(status: ClusterStatus, i: number): number[] {
    const mine = status.partitions.filter(({ leader }) => leader === this.ids[i])
    return mine.map(({ partition }) => partition)
  }

  /** A living node that is not this one. */
  other(i: number): number {
    const found = this.nodes.findIndex(({ ending }, j) => j !== i && ending === undefined)
    if (found < 0) throw new Refused('no node is left')
    return found
  }

  /**
   * The next life of node `i`: milliseconds until it said that it is ready, and until it leads
   * again nine tenths of what it led at first; null: not within two minutes.
   */
  async restart(i: number): Promise<{ readyMs: number; leadersBackMs: number | null }> {
    const began = performance.now()
    this.#start(i)
    await this.#at(i).ready(READY_MS_MAX)
    const readyMs = performance.now() - began
    const isBalanced = await this.#isBalanced(i)
    return { readyMs, leadersBackMs: isBalanced ? performance.now() - began : null }
  }

  /** Ends all nodes, in order. */
  async stop(): Promise<void> {
    for (const node of this.nodes) node.kill('SIGTERM')
    await Promise.all(this.nodes.map((node) => node.ended()))
  }

  /** Waits until each partition is led by the first of its replicas, as node `i` sees it. */
  async #isBalanced(i: number): Promise<boolean> {
    const end = performance.now() + SETTLED_MS_MAX
    while (performance.now() < end) {
      const { partitions } = await this.status(i)
      if (partitions.every(({ leader, replicas }) => leader === replicas[0]?.node)) return true
      await wait(POLL_MS)
    }
    return false
  }

  #start(i: number): void {
    const logFile = join(this.#directory, `node-${i + 1}.log`)
    this.nodes[i] = this.#stage.add(new NodeProcess(this.#args[i] ?? [], logFile))
  }

  #at(i: number): NodeProcess {
    const node = this.nodes[i]
    if (node === undefined) throw new Refused(`there is no node ${i + 1}`)
    return node
  }
}

/** A key of each partition. */
export function keyOfEach(partitions: number): string[] {
  const found = new Map<number, string>()
  for (let i = 0; found.size < partitions; i++) {
    const key = `fault/${i}`
    const partition = partitionOf(Buffer.from(key), partitions)
    if (!found.has(partition)) found.set(partition, key)
  }
  return Array.from({ length: partitions }, (_, partition) => found.get(partition) ?? '')
}
