import { Buffer } from 'node:buffer'
import type { Change, WatchOptions } from '../client/api.ts'
import { jsonBytes } from '../gateway/json-bytes.ts'
import { InvalidOptions } from '../node/options.ts'
import { EXIT, type Told } from './answer.ts'
import type { ClientCall } from './call.ts'
import { withKeys } from './client.ts'
import { keyOf, keyPartOf } from './keys.ts'
import { tell } from './say.ts'
import { shownWhole } from './shown.ts'

/** `keymesh watch`: changes are told as they come, until somebody has had enough. */
export async function watch(call: ClientCall): Promise<Told> {
  const { given, connection, signal } = call
  const isBase64url = given.get('base64url') === true
  const what = watchedBy(call, isBase64url)
  const from = given.get('from') as string | undefined
  const lineOf = given.get('json') === true ? jsonLine : plainLine
  return await withKeys(connection, signal, async (kv) => {
    const changes = kv.watch({ ...what, ...(from === undefined ? {} : { from }), signal })
    for await (const change of changes) await tell(lineOf(change, isBase64url))
    return { type: 'told', exitCode: EXIT.done }
  })
}

function watchedBy({ words, given }: ClientCall, isBase64url: boolean): WatchOptions {
  const [name] = words
  const prefix = given.get('prefix') as string | undefined
  if ((name === undefined) === (prefix === undefined)) {
    throw new InvalidOptions('KEY: name one to watch, or give --prefix, which may be empty')
  }
  if (name !== undefined) return { key: keyOf(name, isBase64url) }
  return { prefix: keyPartOf('--prefix', prefix ?? '', isBase64url) }
}

/** For machines: also where it stands, and that nothing happens. */
function jsonLine(change: Change<Uint8Array>, isBase64url: boolean): string {
  const { type, cursor } = change
  if (type === 'progress') return `${JSON.stringify({ type, cursor })}\n`
  const { keyBytes, revision } = change
  const key = isBase64url ? Buffer.from(keyBytes).toString('base64url') : jsonBytes(keyBytes)
  const more =
    change.type === 'put'
      ? { value: jsonBytes(change.value) }
      : change.expired
        ? { expired: true }
        : {}
  return `${JSON.stringify({ type, key, ...more, revision, cursor })}\n`
}

/** For people: what happened to which key, and its value behind a tab. */
function plainLine(change: Change<Uint8Array>, isBase64url: boolean): string {
  if (change.type === 'progress') return ''
  const { keyBytes } = change
  const key = isBase64url ? Buffer.from(keyBytes).toString('base64url') : shownWhole(keyBytes)
  if (change.type === 'put') return `put\t${key}\t${shownWhole(change.value)}\n`
  return `${change.expired ? 'expired' : 'delete'}\t${key}\n`
}
