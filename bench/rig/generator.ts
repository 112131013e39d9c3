import { type ChildProcess, fork } from 'node:child_process'
import { once } from 'node:events'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { Refused } from '../../cluster/refused.ts'
import { type Stage, startedChild } from '../../cluster/stage.ts'

/** What a generator says: `ready` once, then one answer for each job. */
type Said<Outcome> =
  | { readonly type: 'ready' }
  | { readonly type: 'outcome'; readonly outcome: Outcome }
  | { readonly type: 'fault'; readonly message: string }

/** A process that makes load: apart from ours, so that its CPU time is its own. */
export class Generator<Job extends object, Outcome> {
  readonly #child: ChildProcess
  readonly #over: Promise<never>

  private constructor(child: ChildProcess) {
    this.#child = child
    this.#over = once(child, 'exit').then(([code, signal]) => {
      throw new Refused(`a load generator ended with ${code ?? signal}`)
    })
  }

  /** `program`: one that serves; it finds `settings` with `settingsOf`. */
  static async start<Job extends object, Outcome>(
    stage: Stage,
    program: URL,
    settings: object
  ): Promise<Generator<Job, Outcome>> {
    const path = fileURLToPath(program)
    const child = fork(path, [JSON.stringify(settings)], { execArgv: ['--no-warnings'] })
    stage.add(startedChild(child))
    const generator = new Generator<Job, Outcome>(child)
    await generator.#next()
    return generator
  }

  get pid(): number {
    return this.#child.pid ?? 0
  }

  async run(job: Job): Promise<Outcome> {
    this.#child.send(job)
    const said = await this.#next()
    if (said.type !== 'outcome') throw new Refused(`a load generator said ${said.type}`)
    return said.outcome
  }

  async #next(): Promise<Said<Outcome>> {
    const [said] = (await Promise.race([once(this.#child, 'message'), this.#over])) as [
      Said<Outcome>
    ]
    if (said.type === 'fault') throw new Refused(said.message)
    return said
  }
}

/** The other end: answers one job after the other until our parent is gone. */
export function serve<Job, Outcome>(run: (job: Job) => Promise<Outcome>): void {
  const say = (said: Said<Outcome>): void => {
    process.send?.(said)
  }
  process.on('message', (job: Job) => {
    run(job).then(
      (outcome) => say({ type: 'outcome', outcome }),
      (error: unknown) => {
        const message = error instanceof Error ? (error.stack ?? error.message) : String(error)
        say({ type: 'fault', message })
      }
    )
  })
  process.once('disconnect', () => process.exit(0))
  say({ type: 'ready' })
}

/** What this process was started with. */
export function settingsOf<Settings>(): Settings {
  return JSON.parse(process.argv[2] ?? '{}') as Settings
}
