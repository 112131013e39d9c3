import type { ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { Refused } from './refused.ts'

/** A process, or whatever owns one. */
export interface Started {
  kill(signal: NodeJS.Signals): void
  /** Resolves when it has ended, at once if it has. */
  ended(): Promise<unknown>
}

/** How long an end in order may take before it is an end by force. */
const STOP_MS_MAX = 15_000

/** Where one run happens: what it started, and a directory of its own. All is gone afterwards. */
export class Stage implements AsyncDisposable {
  readonly directory: string
  readonly #started: Started[] = []
  #disposing: Promise<void> | undefined
  #isKept = false

  constructor(parent = tmpdir()) {
    this.directory = mkdtempSync(join(parent, 'keymesh-stage-'))
  }

  get isEnding(): boolean {
    return this.#disposing !== undefined
  }

  add<T extends Started>(started: T): T {
    this.#started.push(started)
    if (this.isEnding) started.kill('SIGKILL')
    return started
  }

  /** The directory stays when all is over: somebody wants to look into it. */
  keep(): void {
    this.#isKept = true
  }

  /** For a way out on which nothing can be waited for. */
  abandon(): void {
    this.#killAll()
    this.#remove()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#disposing ??= this.#dispose()
    await this.#disposing
  }

  async #dispose(): Promise<void> {
    for (const started of this.#started) started.kill('SIGTERM')
    const force = setTimeout(() => this.#killAll(), STOP_MS_MAX)
    await Promise.all(this.#started.map((started) => started.ended()))
    clearTimeout(force)
    this.#remove()
  }

  #killAll(): void {
    for (const started of this.#started) started.kill('SIGKILL')
  }

  #remove(): void {
    if (this.#isKept) return
    // Who was killed a moment ago may still have written something: then it takes another try.
    rmSync(this.directory, { recursive: true, force: true, maxRetries: 10, retryDelay: 50 })
  }
}

/** A child as something that can be ended. */
export function startedChild(child: ChildProcess): Started {
  const isOver = (): boolean => child.exitCode !== null || child.signalCode !== null
  return {
    kill: (signal) => {
      if (!isOver()) child.kill(signal)
    },
    ended: async () => {
      if (!isOver() && child.pid !== undefined) await once(child, 'exit')
    }
  }
}

/**
 * Runs `play` on a stage, ends everything it started, and then this process: with what `play` said,
 * 1 if it threw, 130 on Ctrl-C.
 */
export async function perform(
  play: (stage: Stage) => Promise<number>,
  parent?: string
): Promise<void> {
  const stage = new Stage(parent)
  let interrupted = false
  const interrupt = (): void => {
    interrupted = true
    void stage[Symbol.asyncDispose]().then(() => process.exit(130))
  }
  process.on('SIGINT', interrupt)
  process.on('SIGTERM', interrupt)
  process.once('exit', () => stage.abandon())
  try {
    process.exitCode = await play(stage)
  } catch (error) {
    process.exitCode = 1
    // What was under way fails because its processes were ended: that is no news.
    if (!interrupted) console.error(error instanceof Refused ? error.message : error)
  } finally {
    await stage[Symbol.asyncDispose]()
  }
  process.exit(interrupted ? 130 : process.exitCode)
}
