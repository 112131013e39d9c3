import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, mkdirSync, openSync, readFileSync } from 'node:fs'
import { dirname } from 'node:path'
import process from 'node:process'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'

const MEMBER = fileURLToPath(new URL('./member.ts', import.meta.url))
const POLL_MS = 25

/** How one process ended: its exit code, or the signal's name. */
export type Ending = number | string

export interface NodeProcessOptions {
  /** Added to that of this process. */
  readonly environment?: Readonly<Record<string, string>>
  /** A command that becomes the one that follows it, in another namespace for example. */
  readonly launcher?: readonly string[]
}

/** A process of `keymesh start`, its log lines in a file. */
export class NodeProcess {
  readonly args: readonly string[]
  readonly logFile: string
  readonly #child: ChildProcess
  readonly #logFrom: number
  #stdout = ''
  #ending: Ending | undefined

  /** Without its parent, this process, it does not go on. */
  constructor(args: readonly string[], logFile: string, options: NodeProcessOptions = {}) {
    this.args = args
    this.logFile = logFile
    mkdirSync(dirname(logFile), { recursive: true })
    this.#logFrom = existsSync(logFile) ? readFileSync(logFile).length : 0
    const log = openSync(logFile, 'a')
    const { environment = {}, launcher = [] } = options
    const line = [...launcher, process.execPath, '--no-warnings', MEMBER, 'start', ...args]
    this.#child = spawn(line[0] as string, line.slice(1), {
      stdio: ['ignore', 'pipe', log, 'ipc'],
      env: { ...process.env, ...environment }
    })
    closeSync(log)
    this.#child.stdout?.on('data', (chunk: Buffer) => {
      this.#stdout += chunk.toString()
    })
    this.#child.on('exit', (code, signal) => {
      this.#ending = code ?? signal ?? 'lost'
    })
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  /** Undefined while it runs. */
  get ending(): Ending | undefined {
    return this.#ending
  }

  /** What it wrote to stderr. */
  get log(): string {
    return readFileSync(this.logFile).subarray(this.#logFrom).toString()
  }

  /** Its libp2p address, as soon as it listens. */
  listening(): Promise<string> {
    return this.#until('listens', () => {
      for (const line of this.log.split('\n')) {
        if (!line.includes('"msg":"listening"')) continue
        return (JSON.parse(line) as { readonly p2p: string }).p2p
      }
      return undefined
    })
  }

  /** Its HTTP URL, as soon as it said that it is ready. */
  ready(withinMs: number): Promise<string> {
    return this.#until(
      'is ready',
      () => /^ready: http=(\S+) p2p=\S+$/m.exec(this.#stdout)?.[1],
      withinMs
    )
  }

  kill(signal: NodeJS.Signals): void {
    if (this.#ending === undefined) this.#child.kill(signal)
  }

  async ended(): Promise<Ending> {
    if (this.#ending === undefined) await once(this.#child, 'exit')
    return this.#ending as Ending
  }

  async #until<T>(what: string, look: () => T | undefined, withinMs = 30_000): Promise<T> {
    const end = performance.now() + withinMs
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      if (this.#ending !== undefined) throw new NodeEnded(this.#ending, this.log)
      if (performance.now() >= end) {
        throw new Error(`not within ${withinMs} ms: a node ${what}\n${this.log}`)
      }
      await wait(POLL_MS)
    }
  }
}

/** A node that was to go on has ended. */
export class NodeEnded extends Error {
  override readonly name = 'NodeEnded'
  readonly ending: Ending
  readonly log: string

  constructor(ending: Ending, log: string) {
    super(lastPlainLine(log) ?? `a node ended with ${ending}:\n${log}`)
    this.ending = ending
    this.log = log
  }
}

/** What the command says to people stands between the JSON lines, and last. */
function lastPlainLine(log: string): string | undefined {
  return log
    .split('\n')
    .filter((line) => line.startsWith('keymesh: '))
    .at(-1)
}

interface ClusterAnswer {
  readonly partitions: readonly { readonly leader: string | null }[]
}

/** Waits until the node at `url` knows a leader of every partition. */
export async function leadersKnown(url: string, withinMs: number): Promise<void> {
  const end = performance.now() + withinMs
  for (;;) {
    const response = await fetch(`${url}/v1/cluster`)
    const body = response.ok ? ((await response.json()) as ClusterAnswer) : undefined
    if (body?.partitions.every(({ leader }) => leader !== null)) return
    if (performance.now() >= end) {
      throw new Error(`not every partition has a leader after ${withinMs} ms`)
    }
    await wait(POLL_MS)
  }
}
