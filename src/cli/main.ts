import { readFileSync } from 'node:fs'
import process from 'node:process'
import { Command, CommanderError, Option } from 'commander'
import { checkOptions, InvalidOptions } from '../node/options.ts'
import { say } from './say.ts'
import { kebab, SETTINGS, startSettings } from './settings.ts'

const USAGE = 2

await run()

async function run(): Promise<void> {
  const program = new Command('keymesh')
  program.version(versionOf()).description('A distributed key-value store.')
  program.exitOverride().configureOutput({
    outputError: (text) => say(text.trim().replace(/^error: /, ''))
  })
  program.addCommand(startCommand(program))
  try {
    await program.parseAsync()
  } catch (error) {
    // It has said what is wrong, or what it was asked for.
    if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : USAGE
    else if (error instanceof InvalidOptions) {
      say(error.message)
      process.exitCode = USAGE
    } else throw error
  }
}

function startCommand(program: Command): Command {
  const command = new Command('start').description('run a node')
  command.copyInheritedSettings(program).allowExcessArguments(false)
  for (const { name, kind, value = '', help } of SETTINGS) {
    const flags = `--${kebab(name)}${kind === 'switch' ? '' : ` <${value}>`}`
    const option = new Option(flags, help)
    if (kind === 'list') option.argParser(gathered)
    command.addOption(option)
  }
  command.option('--config <FILE>', 'JSON file with any of these; names in camelCase')
  command.addHelpText('after', '\nEvery flag is also KEYMESH_ + its name, as KEYMESH_LOG_LEVEL.')
  return command.action(async (flags: Record<string, unknown>) => {
    const settings = startSettings({ flags, environment: process.env })
    checkOptions(settings.node)
    // Loading all that a node is made of takes longer than seeing that its settings are wrong.
    const { start } = await import('./start.ts')
    await start(settings)
  })
}

function gathered(item: string, before: readonly string[] | undefined): readonly string[] {
  return [...(before ?? []), item]
}

function versionOf(): string {
  const manifest: unknown = JSON.parse(
    readFileSync(new URL('../../package.json', import.meta.url), 'utf8')
  )
  const { version } = manifest as { readonly version: string }
  return version
}
