import { Command, type CommanderError, Option } from 'commander'
import { InvalidOptions } from '../node/options.ts'
import { CLIENT_SETTINGS } from './client-settings.ts'
import type { CliCommand } from './commands.ts'
import { kebab, type Setting, type Sources } from './settings.ts'

/** Runs `command` with its words and flags. */
export type Runner = (
  command: CliCommand,
  words: readonly string[],
  flags: Sources['flags']
) => Promise<void>

const SHARED = `
Every option is also KEYMESH_ + its name in the environment, as KEYMESH_CLUSTER_KEY_FILE, and a name
in the JSON file of --config. KEYMESH_CLUSTER_KEY holds the key itself. Flags beat the environment,
which beats the file.`
const CODES = `
Exit codes: 0 done, 1 no (absent, a condition that does not hold, a status with partitions that have
no leader), 2 wrong use, 3 unavailable, or others are at it all the time, 4 a write whose outcome is
unknown.`

/**
 * The command line as a whole. Parsing it throws InvalidOptions where it makes no sense, and
 * CommanderError where help was shown: with exit code 0 if it was asked for.
 */
export function programOf(
  {
    commands,
    groups
  }: { commands: readonly CliCommand[]; groups: Readonly<Record<string, string>> },
  version: string,
  run: Runner
): Command {
  const program = new Command('keymesh').description('A distributed key-value store.')
  program.version(version).enablePositionalOptions()
  // What is wrong is told by whoever catches the error, as text or as JSON.
  program.configureOutput({ outputError: () => {} }).exitOverride(refusalOf(program))
  addOptions(program, CLIENT_SETTINGS)
  program.addHelpText('after', `${SHARED}\n${CODES}`)
  for (const [name, summary] of Object.entries(groups)) {
    addOptions(child(program, name).description(summary), CLIENT_SETTINGS)
  }
  for (const command of commands) add(program, command, run)
  return program
}

function add(program: Command, command: CliCommand, run: Runner): void {
  const names = command.name.split(' ')
  const group = names.length === 1 ? undefined : names[0]
  const parent = program.commands.find((candidate) => candidate.name() === group) ?? program
  const own = child(parent, names.at(-1) as string).description(command.summary)
  for (const [name, help] of command.words) {
    own.argument(name.startsWith('[') ? name : `<${name}>`, help)
  }
  const { flags, settings } = command.vocabulary
  addOptions(own, [...flags, ...settings])
  const only = flags.map(({ name }) => `--${kebab(name)}`).join(', ')
  const except = only === '' ? '' : `\nNot so ${only}: they are for one call.`
  const examples = `\nExamples:\n${command.examples.map((line) => `  ${line}`).join('\n')}\n`
  own.addHelpText(
    'after',
    `${examples}${SHARED}${except}${command.kind === 'client' ? `\n${CODES}` : ''}`
  )
  own.action(async () => {
    await run(command, own.args, flagsOf(own))
  })
}

function child(parent: Command, name: string): Command {
  const command = parent.command(name)
  return command.exitOverride(refusalOf(command))
}

function addOptions(command: Command, settings: readonly Setting[]): void {
  for (const { name, kind, value = '', help } of settings) {
    const flags = `--${kebab(name)}${kind === 'switch' ? '' : ` <${value}>`}`
    const option = new Option(flags, help)
    if (kind === 'list') option.argParser(gathered)
    command.addOption(option)
  }
  command.option('--config <FILE>', 'JSON file of settings, by their names in camelCase')
}

function gathered(item: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), item]
}

/** Those before the name of the command count, too; those after it are stronger. */
function flagsOf(command: Command): Sources['flags'] {
  const outer = command.parent === null ? {} : flagsOf(command.parent)
  return { ...outer, ...command.opts() }
}

function refusalOf(command: Command): (error: CommanderError) => never {
  return (error) => {
    if (error.exitCode === 0 || error.code === 'commander.help') throw error
    const what = error.message.replace(/^error: /, '').replace(/\.?\s*$/, '')
    const dashes =
      error.code === 'commander.unknownOption' && command.registeredArguments.length > 0
        ? 'words that begin with - come after --, '
        : ''
    throw new InvalidOptions(`${what}; ${dashes}see ${fullName(command)} --help`)
  }
}

function fullName(command: Command): string {
  return command.parent === null ? command.name() : `${fullName(command.parent)} ${command.name()}`
}
