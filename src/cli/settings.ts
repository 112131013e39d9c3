import { InvalidOptions } from '../node/options.ts'
import { durationMs } from './duration.ts'
import { readSmallFile } from './small-file.ts'

const CONFIG_BYTES_MAX = 1024 * 1024
/** A bearer token travels in a header. */
const SECRET_BYTES_MAX = 16 * 1024

type Kind = 'text' | 'list' | 'count' | 'switch' | 'choice' | 'duration'

/** Something a command can be told, by a flag at least. */
export interface Setting {
  /** As in the configuration file; the flag is the same in kebab-case. */
  readonly name: string
  readonly kind: Kind
  /** What stands after the flag in the help. */
  readonly value?: string
  readonly help: string
  readonly choices?: readonly string[]
}

/** A `count` and a `duration` (ms) are numbers, a `switch` is a boolean, a `list` an array. */
export type Value = string | readonly string[] | boolean | number
export type Given = ReadonlyMap<string, Value>

/** Where settings come from, the strongest first. `flags` by their camelCase names. */
export interface Sources {
  readonly flags: Readonly<Record<string, unknown>>
  readonly environment: Readonly<Record<string, string | undefined>>
}

/** What a command can be told. */
export interface Vocabulary {
  /** By a flag, the environment, or the file of `--config`. */
  readonly settings: readonly Setting[]
  /** By a flag only: what is meant for one call must not come from a forgotten variable. */
  readonly flags: readonly Setting[]
  /** Everything such a file may name, as other commands read it, too. */
  readonly known: readonly Setting[]
}

/** Flags beat environment beats the file of `--config`. Throws InvalidOptions. */
export function gather({ flags, environment }: Sources, vocabulary: Vocabulary): Given {
  const settings = [...vocabulary.settings, ...vocabulary.flags]
  for (const [name, value] of Object.entries(flags)) {
    const told = name === 'config' || settings.some((setting) => setting.name === name)
    if (!told && value !== undefined) refuse(`--${kebab(name)}: this command has no such option`)
  }
  const file = flags.config ?? environment[variableOf('config')]
  const path = typeof file === 'string' && file !== '' ? file : undefined
  const fromFile = path === undefined ? new Map() : configFile(path, vocabulary.known)
  const given = new Map<string, Value>()
  for (const setting of settings) {
    const { name } = setting
    const variable = vocabulary.flags.includes(setting) ? undefined : environment[variableOf(name)]
    const value =
      flags[name] !== undefined
        ? checked(setting, flags[name], `--${kebab(name)}`)
        : variable !== undefined && variable !== ''
          ? checked(setting, variable, variableOf(name))
          : checked(setting, fromFile.get(name), `${name} in ${path}`)
    if (value !== undefined) given.set(name, value)
  }
  return given
}

/** The value in the form of its kind; text is what flags and environment bring. */
function checked(setting: Setting, value: unknown, where: string): Value | undefined {
  if (value === undefined) return undefined
  const objection = objectionTo(setting, value)
  if (objection !== undefined) refuse(`${where}: ${objection}`)
  switch (setting.kind) {
    case 'switch':
      return value === true || value === 'true' || value === '1'
    case 'list':
      return (Array.isArray(value) ? (value as string[]) : [String(value)])
        .flatMap((item) => item.split(','))
        .map((item) => item.trim())
    case 'count':
      return countOf(String(value), where)
    case 'duration':
      return typeof value === 'number' ? value : spanOf(String(value), where)
    default:
      return String(value)
  }
}

/** Why `value` cannot be one of its kind, from its type alone; undefined if it may be. */
function objectionTo({ kind, choices }: Setting, value: unknown): string | undefined {
  const isText = typeof value === 'string'
  switch (kind) {
    case 'switch':
      if (typeof value === 'boolean') return undefined
      return ['true', 'false', '1', '0'].includes(value as string)
        ? undefined
        : 'must be true or false'
    case 'list':
      if (isText) return undefined
      return Array.isArray(value) && value.every((item) => typeof item === 'string')
        ? undefined
        : 'must be text or a list of texts'
    case 'count':
      return isText || typeof value === 'number' ? undefined : 'must be a number'
    case 'duration':
      return isText || typeof value === 'number' ? undefined : 'must be a time'
    case 'choice':
      return isText && choices?.includes(value)
        ? undefined
        : `must be one of ${choices?.join(', ')}`
    default:
      if (!isText) return 'must be text'
      return value.trim() === '' ? 'is empty' : undefined
  }
}

/** JSON has numbers and booleans of its own: text in their place is a mistake. */
function objectionToJson(setting: Setting, value: unknown): string | undefined {
  if (typeof value === 'string') {
    if (setting.kind === 'count') return 'must be a number'
    if (setting.kind === 'switch') return 'must be true or false, without quotes'
  }
  return objectionTo(setting, value)
}

function countOf(text: string, where: string): number {
  const count = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
  return Number.isSafeInteger(count) ? count : refuse(`${where}: not a whole number: ${text}`)
}

function spanOf(text: string, where: string): number {
  return durationMs(text) ?? refuse(`${where}: not a time as in 500ms, 10s, 5m, 2h or 1d: ${text}`)
}

/** What stands in `file`: only names in `known`, each with a value of its kind. */
function configFile(file: string, known: readonly Setting[]): ReadonlyMap<string, unknown> {
  let value: unknown
  try {
    value = JSON.parse(read('config', file, CONFIG_BYTES_MAX))
  } catch (cause) {
    if (cause instanceof InvalidOptions) throw cause
    refuse(`config: ${file} is not JSON`)
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    refuse(`config: ${file} does not hold a JSON object`)
  }
  for (const [name, item] of Object.entries(value)) {
    const setting = known.find((candidate) => candidate.name === name)
    if (setting === undefined) refuse(`config: ${file} has an unknown setting ${name}`)
    const objection = objectionToJson(setting, item)
    if (objection !== undefined) refuse(`${name} in ${file}: ${objection}`)
  }
  return new Map(Object.entries(value))
}

/** A flag names a file; the environment may hold the key itself. */
export function clusterKeyOf(given: Given, { flags, environment }: Sources): string | undefined {
  const key = environment.KEYMESH_CLUSTER_KEY
  if (flags.clusterKeyFile === undefined && key !== undefined && key !== '') {
    if ((environment.KEYMESH_CLUSTER_KEY_FILE ?? '') === '') return key.trim()
    refuse('give either KEYMESH_CLUSTER_KEY or KEYMESH_CLUSTER_KEY_FILE')
  }
  const file = given.get('clusterKeyFile') as string | undefined
  return file === undefined ? undefined : secret('cluster-key-file', file)
}

/** The one line of a file. Throws InvalidOptions. */
export function secret(name: string, file: string): string {
  const text = read(name, file, SECRET_BYTES_MAX).trim()
  if (text === '') refuse(`${name}: ${file} is empty`)
  return text
}

function read(name: string, file: string, bytesMax: number): string {
  try {
    return readSmallFile(file, bytesMax)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new InvalidOptions(`${name}: cannot read ${file}: ${reason}`, { cause })
  }
}

export function kebab(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)
}

export function variableOf(name: string): string {
  return `KEYMESH_${kebab(name).replace(/-/g, '_').toUpperCase()}`
}

export function setting(name: string, value: string, help: string): Setting {
  return { name, kind: 'text', value, help }
}

export function list(name: string, value: string, help: string): Setting {
  return { name, kind: 'list', value, help: `${help}; repeatable` }
}

export function count(name: string, value: string, help: string): Setting {
  return { name, kind: 'count', value, help }
}

export function duration(name: string, help: string): Setting {
  return { name, kind: 'duration', value: 'TIME', help }
}

export function choice(name: string, choices: readonly string[], help: string): Setting {
  return { name, kind: 'choice', value: choices.join('|'), help, choices }
}

export function flag(name: string, help: string): Setting {
  return { name, kind: 'switch', help }
}

function refuse(message: string): never {
  throw new InvalidOptions(message)
}
