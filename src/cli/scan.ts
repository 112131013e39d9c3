import { Buffer } from 'node:buffer'
import type { Consistency, Entry, KeyEntry, KeyMesh, ScanOptions } from '../client/api.ts'
import { jsonBytes } from '../gateway/json-bytes.ts'
import { EXIT, failedBy, type Told } from './answer.ts'
import type { ClientCall } from './call.ts'
import { withKeys } from './client.ts'
import { keyPartOf } from './keys.ts'
import { tell, Unwritable } from './say.ts'
import type { Given } from './settings.ts'
import { shownWhole } from './shown.ts'

type Found = Entry<Uint8Array> | KeyEntry

/** How entries are told, in pieces that make one text. */
interface Form {
  readonly head: string
  entry(found: Found, isFirst: boolean): string
  readonly tail: string
}

/** So much is told at once. Who reads it may be slow: what comes next waits for that. */
const CHUNK_CHARACTERS = 64 * 1024

/** `keymesh scan`: entries are told as they come. */
export async function scan({ given, connection, signal }: ClientCall): Promise<Told> {
  const isBase64url = given.get('base64url') === true
  const range = rangeOf(given, isBase64url)
  const consistency = (given.get('consistency') as Consistency | undefined) ?? 'strong'
  const isJson = given.get('json') === true
  const form = isJson ? documentOf(isBase64url) : linesOf(isBase64url)
  return await withKeys(connection, signal, async (kv, call) => {
    const entries = entriesOf(kv, given, { ...range, ...call, consistency })
    return await tellAll(entries, form, isJson)
  })
}

async function tellAll(
  entries: AsyncIterableIterator<Found>,
  form: Form,
  isJson: boolean
): Promise<Told> {
  let text = form.head
  let isFirst = true
  try {
    for await (const found of entries) {
      text += form.entry(found, isFirst)
      isFirst = false
      if (text.length < CHUNK_CHARACTERS) continue
      const chunk = text
      text = ''
      await tell(chunk)
    }
  } catch (error) {
    const failed = error instanceof Unwritable || isFirst ? undefined : failedBy(error)
    if (isJson && failed !== undefined) {
      // The document has begun: it says itself how it ends.
      await tell(`${text}],${JSON.stringify(failed.json).slice(1)}\n`)
      return { type: 'told', exitCode: failed.exitCode }
    }
    if (!isFirst && !(error instanceof Unwritable)) await tell(text)
    throw error
  }
  await tell(text + form.tail)
  return { type: 'told', exitCode: EXIT.done }
}

/** One line of JSON. */
function documentOf(isBase64url: boolean): Form {
  return {
    head: '{"entries":[',
    entry: (found, isFirst) => {
      const { keyBytes, revision, expiresIn } = found
      const key = isBase64url ? base64url(keyBytes) : jsonBytes(keyBytes)
      const value = 'value' in found ? { value: jsonBytes(found.value) } : {}
      const expiry = expiresIn === undefined ? {} : { expiresIn }
      return (isFirst ? '' : ',') + JSON.stringify({ key, ...value, revision, ...expiry })
    },
    tail: ']}\n'
  }
}

/** A line for each key, and its value behind a tab. */
function linesOf(isBase64url: boolean): Form {
  return {
    head: '',
    entry: (found) => {
      const key = isBase64url ? base64url(found.keyBytes) : shownWhole(found.keyBytes)
      return 'value' in found ? `${key}\t${shownWhole(found.value)}\n` : `${key}\n`
    },
    tail: ''
  }
}

function base64url(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64url')
}

function entriesOf(
  kv: KeyMesh<Uint8Array>,
  given: Given,
  options: ScanOptions
): AsyncIterableIterator<Found> {
  const limit = given.get('limit') as number | undefined
  const reverse = given.get('reverse') === true
  const how = { ...options, ...(limit === undefined ? {} : { limit }), reverse }
  if (given.get('keysOnly') === true) return kv.scan({ ...how, keysOnly: true })
  return kv.scan({ ...how, keysOnly: false })
}

function rangeOf(given: Given, isBase64url: boolean): ScanOptions {
  const range: ScanOptions = {}
  for (const name of ['prefix', 'start', 'end'] as const) {
    const text = given.get(name) as string | undefined
    if (text !== undefined) range[name] = keyPartOf(`--${name}`, text, isBase64url)
  }
  return range
}
