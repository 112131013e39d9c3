import { readFileSync } from 'node:fs'
import process from 'node:process'
import { CommanderError } from 'commander'
import { EXIT } from './answer.ts'
import { connectionOf } from './client-settings.ts'
import { type CliCommand, COMMANDS, GROUPS } from './commands.ts'
import { Interrupted, interruption } from './interrupt.ts'
import { sayAnswer, sayFailure } from './output.ts'
import { programOf } from './program.ts'
import { outliveReaders } from './say.ts'
import { gather, type Sources } from './settings.ts'

/** What is known of a run when it fails. */
interface Progress {
  /** Guessed at first: the line itself may be what is wrong. */
  json: boolean
  /** Once there is something to give up. */
  signal: AbortSignal | undefined
}

await main()

async function main(): Promise<void> {
  outliveReaders()
  const progress: Progress = { json: wantsJson(), signal: undefined }
  const program = programOf(
    { commands: COMMANDS, groups: GROUPS },
    versionOf(),
    (command, words, flags) => run(progress, command, words, flags)
  )
  try {
    await program.parseAsync()
  } catch (error) {
    process.exitCode = await exitCodeOf(error, progress)
  }
}

async function run(
  progress: Progress,
  command: CliCommand,
  words: readonly string[],
  flags: Sources['flags']
): Promise<void> {
  const sources: Sources = { flags, environment: process.env }
  const given = gather(sources, command.vocabulary)
  if (command.kind === 'node') {
    await command.run(given, sources)
    return
  }
  progress.json = given.get('json') === true
  const connection = connectionOf(given, sources)
  const signal = interruption()
  progress.signal = signal
  const answer = await command.run({ words, given, connection, signal })
  process.exitCode = await sayAnswer(answer, progress.json)
}

async function exitCodeOf(error: unknown, { json, signal }: Progress): Promise<number> {
  // Commander has shown the help.
  if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage
  const interrupted: unknown = signal?.reason
  if (!(interrupted instanceof Interrupted)) return await sayFailure(error, json)
  // What may have been written is worth a line, also to somebody in a hurry.
  if (error !== interrupted) await sayFailure(error, json)
  return interrupted.exitCode
}

/** Of `start`, standard output is for the line that says it is ready. */
function wantsJson(): boolean {
  const [command, ...rest] = process.argv.slice(2)
  if (command === 'start') return false
  const words = [command, ...rest]
  const end = words.indexOf('--')
  const { KEYMESH_JSON } = process.env
  const flag = words.slice(0, end < 0 ? undefined : end).includes('--json')
  return flag || KEYMESH_JSON === '1' || KEYMESH_JSON === 'true'
}

function versionOf(): string {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  )
  const { version } = manifest as { readonly version: string }
  return version
}
