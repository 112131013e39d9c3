import { readFileSync } from 'node:fs'
import process from 'node:process'
import { Command, CommanderError, Option } from 'commander'
import { kebab, SETTINGS } from './settings.ts'
import { start } from './start.ts'

const USAGE = 2

await run()

async function run(): Promise<void> {
  const program = new Command('keymesh')
  program.version(versionOf()).description('A distributed key-value store.')
  program.exitOverride().configureOutput({ writeErr: (text) => process.stderr.write(text) })
  program.addCommand(startCommand())
  try {
    await program.parseAsync()
  } catch (error) {
    // It has said what is wrong, or what it was asked for.
    if (!(error instanceof CommanderError)) throw error
    process.exitCode = error.exitCode === 0 ? 0 : USAGE
  }
}

function startCommand(): Command {
  const command = new Command('start').description('run a node').exitOverride()
  command.allowExcessArguments(false)
  for (const { name, kind, value = '', help } of SETTINGS) {
    const flags = `--${kebab(name)}${kind === 'switch' ? '' : ` <${value}>`}`
    const option = new Option(flags, help)
    if (kind === 'list') option.argParser(gathered)
    command.addOption(option)
  }
  command.option('--config <FILE>', 'JSON file with any of these; names in camelCase')
  command.addHelpText('after', '\nEvery flag is also KEYMESH_ + its name, as KEYMESH_LOG_LEVEL.')
  return command.action((flags: Record<string, unknown>) =>
    start({ flags, environment: process.env })
  )
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
