import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { type Ending, NodeProcess } from '../../cluster/nodes.ts'
import type { Stage } from '../../cluster/stage.ts'
import type { ClusterStatus } from '../../src/gateway/cluster-status.ts'
import type { Network } from './network.ts'

export interface Shape {
  readonly nodes: number
  readonly replicas: number
  readonly partitions: number
}

/** A cluster that is going to be hurt: its nodes come back at the same addresses. */
export interface ArenaOptions extends Shape {
  readonly stage: Stage
  /** Holds the data directory and the log of each node. */
  readonly directory: string
  readonly network: Network
}

const READY_MS_MAX = 120_000
/** A cluster that is not whole by then does not heal; seconds, unless the machine is busy. */
const WHOLE_MS_MAX = 180_000
const POLL_MS = 100
/** Of the logs, when something is wrong. */
const LINES_TOLD = 6

const CLUSTER_KEY = '7a'.repeat(32)
const TOKEN = 'torture'
/** Of every request over HTTP. */
export const HTTP_HEADERS = `authorization: Bearer ${TOKEN}\r\n`

/** Any life there may be. */
export interface LifeOptions {
  /** Where it listens; the one behind those of all nodes is free. */
  readonly place: number
  readonly data: string
  /** Of its log. */
  readonly name: string
  /** Which of our nodes it is; -1: none. */
  readonly node: number
  /** It knows of nobody, and forms a cluster of its own. */
  readonly isAlone?: true
}

/** One life of a node. */
interface Life {
  readonly node: number
  readonly process: NodeProcess
  /** How it may end; undefined: not at all. */
  expected: readonly Ending[] | undefined
}

export class Arena {
  readonly options: ArenaOptions
  readonly #lives: Life[] = []
  readonly #current: Life[] = []
  readonly #stopped = new Set<Life>()
  readonly #tokenFile: string

  constructor(options: ArenaOptions) {
    this.options = options
    this.#tokenFile = join(options.directory, 'token')
  }

  static readonly clusterKey = CLUSTER_KEY

  /** Starts all nodes on empty directories; resolves when all are ready. */
  async form(): Promise<void> {
    writeFileSync(this.#tokenFile, TOKEN)
    for (const node of this.all) this.start(node)
    await Promise.all(this.all.map((node) => this.at(node).ready(READY_MS_MAX)))
  }

  get all(): number[] {
    return Array.from({ length: this.options.nodes }, (_, node) => node)
  }

  /** Nodes that have a process. */
  get alive(): number[] {
    return this.all.filter((node) => this.#current[node]?.process.ending === undefined)
  }

  get pids(): number[] {
    return this.#current.map(({ process }) => process.pid)
  }

  at(node: number): NodeProcess {
    const life = this.#current[node]
    if (life === undefined) throw new Error(`node ${node} was never started`)
    return life.process
  }

  data(node: number): string {
    return join(this.options.directory, `node-${node}`)
  }

  url(node: number): string {
    return `http://${this.options.network.place(node).http}`
  }

  /** For clients: multiaddrs without ids. */
  get seeds(): string[] {
    return this.all.map((node) => this.options.network.place(node).announce)
  }

  /** The next life of `node`, by default on its own data. */
  start(node: number, data = this.data(node)): NodeProcess {
    return this.startAs({ place: node, data, name: `node-${node}`, node })
  }

  startAs(life: LifeOptions): NodeProcess {
    const { nodes, network, stage, directory } = this.options
    const { listen, announce, http, launcher } = network.place(life.place)
    const args = ['--data', life.data, '--listen', listen, '--announce', announce, '--http', http]
    args.push('--http-token-file', this.#tokenFile)
    if (life.isAlone === true) args.push('--bootstrap', '--partitions', '1')
    else {
      for (let other = 0; other < nodes; other++) {
        if (other !== life.place) args.push('--seed', network.place(other).announce)
      }
    }
    if (life.node === 0) args.push(...this.#forming())
    const log = join(directory, `${life.name}.log`)
    const environment = { KEYMESH_CLUSTER_KEY: CLUSTER_KEY }
    const process = new NodeProcess(args, log, { environment, launcher })
    // A node that stands still does not hear of an end in order.
    stage.add({ kill: () => process.kill('SIGKILL'), ended: () => process.ended() })
    const lived = { node: life.node, process, expected: undefined }
    this.#lives.push(lived)
    if (life.node >= 0) this.#current[life.node] = lived
    return process
  }

  /** From now on this life of the node may end so. */
  expectEnd(process: NodeProcess, ...endings: readonly Ending[]): void {
    for (const life of this.#lives) if (life.process === process) life.expected = endings
  }

  /** Resolves when they are gone. */
  async kill(...nodes: readonly number[]): Promise<void> {
    const processes = nodes.map((node) => this.at(node))
    for (const process of processes) {
      this.expectEnd(process, 'SIGKILL')
      process.kill('SIGKILL')
    }
    await Promise.all(processes.map((process) => process.ended()))
  }

  pause(...nodes: readonly number[]): void {
    for (const node of nodes) {
      this.at(node).kill('SIGSTOP')
      this.#stopped.add(this.#current[node] as Life)
    }
  }

  /** Those that were paused go on. */
  resume(): void {
    for (const { process } of this.#stopped) process.kill('SIGCONT')
    this.#stopped.clear()
  }

  /** Ends all that was done to nodes and network. */
  heal(): void {
    this.resume()
    this.options.network.mend()
    const alive = new Set(this.alive)
    for (const node of this.all) if (!alive.has(node)) this.start(node)
  }

  /** As node `node` sees it; undefined: it does not answer. */
  async status(node: number): Promise<ClusterStatus | undefined> {
    try {
      const answer = await this.#ask(node, '/v1/cluster')
      return answer.ok ? ((await answer.json()) as ClusterStatus) : undefined
    } catch {
      // Nobody listens there, or nobody answers in time.
      return undefined
    }
  }

  /** Figures of node `node` as text; undefined: it does not answer. */
  async metrics(node: number): Promise<string | undefined> {
    try {
      const answer = await this.#ask(node, '/metrics')
      return answer.ok ? await answer.text() : undefined
    } catch {
      // As above.
      return undefined
    }
  }

  /** The ids of all nodes; '' of one that ended before it said it. */
  ids(): Promise<string[]> {
    const said = this.all.map((node) => this.at(node).listening())
    return Promise.all(
      said.map((address) => address.then((known) => known.split('/p2p/')[1] ?? '').catch(() => ''))
    )
  }

  /** Waits until every node is ready and sees a whole cluster; returns what is missing at last. */
  async healthy(): Promise<string | undefined> {
    const end = performance.now() + WHOLE_MS_MAX
    for (;;) {
      const ids = new Set(await this.ids())
      const ills = (await Promise.all(this.all.map((node) => this.#ill(node, ids)))).flat()
      if (ills.length === 0) return undefined
      if (performance.now() > end) return `after ${WHOLE_MS_MAX} ms ${ills.join('; ')}`
      if (this.unexpectedEnds().length > 0) return ills.join('; ')
      await wait(POLL_MS)
    }
  }

  /** Lives that ended though nobody meant them to, or otherwise than meant, in words. */
  unexpectedEnds(): string[] {
    return this.#lives.flatMap(({ node, process, expected }) => {
      const { ending } = process
      if (ending === undefined || expected?.includes(ending) === true) return []
      const lines = process.log.trim().split('\n').slice(-LINES_TOLD)
      return [`node ${node} ended with ${ending}:\n${lines.join('\n')}`]
    })
  }

  /** Lines in all logs of this cluster that report a fault of the store, but for those of `but`. */
  faultsLogged(): string[] {
    const names = new Set(this.#lives.map(({ process }) => process.logFile))
    const told = /"msg":"(replica damaged|request failed|fault)"/
    return [...names].flatMap((file) =>
      readFileSync(file, 'utf8')
        .split('\n')
        .filter((line) => told.test(line))
    )
  }

  /** Ends all of it at once. */
  async end(): Promise<void> {
    const processes = this.#lives.map(({ process }) => process)
    for (const process of processes) {
      this.expectEnd(process, 'SIGKILL', process.ending ?? 0)
      process.kill('SIGKILL')
    }
    await Promise.all(processes.map((process) => process.ended()))
    this.options.network.close()
  }

  async #ill(node: number, ids: ReadonlySet<string>): Promise<string[]> {
    const process = this.at(node)
    if (process.ending !== undefined) return [`node ${node} ended with ${process.ending}`]
    try {
      const ready = await this.#ask(node, '/readyz')
      if (!ready.ok) return [`node ${node} is not ready: ${await ready.text()}`]
    } catch (error) {
      return [`node ${node} does not answer: ${String(error)}`]
    }
    const status = await this.status(node)
    const ours = (status?.nodes ?? []).filter(({ id }) => ids.has(id))
    const down = ours.filter(({ state }) => state !== 'up').length
    const without = (status?.partitions ?? []).filter(({ leader }) => leader === null).length
    if (status === undefined) return [`node ${node} does not tell of its cluster`]
    if (down > 0) return [`node ${node} sees ${down} nodes that are not up`]
    return without > 0 ? [`node ${node} knows no leader of ${without} partitions`] : []
  }

  #forming(): string[] {
    const { nodes, replicas, partitions } = this.options
    const forming = ['--bootstrap', '--expect', String(nodes), '--replicas', String(replicas)]
    return [...forming, '--partitions', String(partitions)]
  }

  async #ask(node: number, path: string): Promise<Response> {
    const signal = AbortSignal.timeout(2_000)
    const headers = { authorization: `Bearer ${TOKEN}` }
    return await fetch(`${this.url(node)}${path}`, { headers, signal })
  }
}
