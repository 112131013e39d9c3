import process from 'node:process'
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'
import { Refused } from './refused.ts'

/** What a command line asks for. Throws Refused, with `help`, at what is no option. */
export function flagsOf<const Options extends ParseArgsOptionsConfig>(
  args: readonly string[],
  options: Options,
  help: string
) {
  try {
    return parseArgs({ args: [...args], options }).values
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Refused(`${reason}\n${help}`, { cause })
  }
}

/** Those of `all` that `text` names, in the order of `all`. Throws Refused, naming `--flag`. */
export function chosen<Name extends string>(
  flag: string,
  text: string,
  all: readonly Name[]
): Name[] {
  const named = text.split(',')
  const unknown = named.find((name) => !all.some((one) => one === name))
  if (unknown !== undefined) throw new Refused(`--${flag}: ${all.join(', ')}, not ${unknown}`)
  return all.filter((one) => named.includes(one))
}

/**
 * What `parse` makes of the command line of this process. Undefined: help was asked for, and is
 * printed. What `parse` refuses is one line, and the process ends with 2.
 */
export function asked<Options>(
  parse: (args: readonly string[]) => Options | undefined,
  help: string
): Options | undefined {
  let options: Options | undefined
  try {
    options = parse(process.argv.slice(2))
  } catch (error) {
    if (!(error instanceof Refused)) throw error
    console.error(error.message)
    process.exit(2)
  }
  if (options === undefined) console.log(help)
  return options
}
