import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { NodeProcess } from '../../cluster/nodes.ts'

/** A busy machine may let a process wait for its first line; half of what a test may take. */
export const READY_MS_MAX = 60_000

/** What the shell of whoever runs the tests says to commands is not for the nodes of tests. */
const NO_SETTINGS = Object.fromEntries(
  Object.keys(process.env)
    .filter((name) => name.startsWith('KEYMESH_'))
    .map((name) => [name, ''])
)

/** Nodes of one test, as processes with data of their own; all are gone when it is disposed of. */
export class Stage implements AsyncDisposable {
  readonly directory: string
  readonly #started: NodeProcess[] = []

  /** `within` is where the data goes: the directory for temporary files, if need be. */
  constructor(within = tmpdir()) {
    this.directory = mkdtempSync(join(within, 'keymesh-processes-'))
  }

  /** Starts `keymesh start` with `args` added to a data directory of this name and free ports. */
  start(
    name: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {}
  ): NodeProcess {
    const own = ['--data', join(this.directory, name), '--listen', '/ip4/127.0.0.1/tcp/0']
    return this.run(name, [...own, '--http', '127.0.0.1:0', ...args], environment)
  }

  /** Starts `keymesh start` with exactly these. */
  run(
    name: string,
    args: readonly string[],
    environment: Readonly<Record<string, string>> = {}
  ): NodeProcess {
    const log = join(this.directory, `${name}.log`)
    const node = new NodeProcess(args, log, { environment: { ...NO_SETTINGS, ...environment } })
    this.#started.push(node)
    return node
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const node of this.#started) node.kill('SIGKILL')
    await Promise.all(this.#started.map((node) => node.ended()))
    rmSync(this.directory, { recursive: true, force: true })
  }
}

/** Three nodes, of which the first formed the cluster. */
export class Trio {
  readonly #stage: Stage
  readonly #args: readonly string[]
  readonly nodes: NodeProcess[] = []
  urls: string[] = []

  constructor(stage: Stage, args: readonly string[] = []) {
    this.#stage = stage
    this.#args = args
  }

  async form(partitions: number): Promise<this> {
    const forming = ['--bootstrap', '--expect', '3', '--partitions', String(partitions)]
    await this.#startAll(forming)
    return this
  }

  /** Another life of node `i`, on other ports: it finds the others by the address of `seedNode`. */
  async restart(i: number, seedNode: number): Promise<void> {
    const seed = await this.#at(seedNode).listening()
    this.nodes[i] = this.#stage.start(`node-${i}`, [...this.#args, '--seed', seed])
    this.urls[i] = await this.#at(i).ready(READY_MS_MAX)
  }

  /** The next life of all three, after none was left. */
  async restartAll(): Promise<void> {
    await this.#startAll([])
  }

  /** Whoever is gone comes back: what a test that failed left behind is not the next one's. */
  async mend(): Promise<void> {
    const gone = [0, 1, 2].filter((i) => this.nodes[i]?.ending !== undefined)
    if (gone.length === 3) await this.restartAll()
    else for (const i of gone) await this.restart(i, this.#alive())
  }

  async kill(i: number): Promise<void> {
    this.#at(i).kill('SIGKILL')
    await this.#at(i).ended()
  }

  async #startAll(first: readonly string[]): Promise<void> {
    this.nodes[0] = this.#stage.start('node-0', [...this.#args, ...first])
    const seed = await this.nodes[0].listening()
    for (const i of [1, 2]) {
      this.nodes[i] = this.#stage.start(`node-${i}`, [...this.#args, '--seed', seed])
    }
    this.urls = await Promise.all(this.nodes.map((node) => node.ready(READY_MS_MAX)))
  }

  #alive(): number {
    return this.nodes.findIndex(({ ending }) => ending === undefined)
  }

  #at(i: number): NodeProcess {
    return this.nodes[i] as NodeProcess
  }
}

export interface Answer {
  readonly status: number
  readonly text: string
}

export async function put(url: string, key: string, value: string): Promise<Answer> {
  return await answer(fetch(`${url}/v1/kv/${key}`, { method: 'PUT', body: value }))
}

export async function get(url: string, key: string): Promise<Answer> {
  return await answer(fetch(`${url}/v1/kv/${key}`))
}

async function answer(coming: Promise<Response>): Promise<Answer> {
  const response = await coming
  return { status: response.status, text: await response.text() }
}
