import type { Written } from '../client/api.ts'
import { InvalidOptions } from '../node/options.ts'
import { TTL_MS_MAX } from '../wire/limits.ts'
import { type Answer, EXIT } from './answer.ts'
import type { ClientCall } from './call.ts'
import { withKeys } from './client.ts'
import { argumentBytes, keyOf } from './keys.ts'
import type { Given } from './settings.ts'
import { valueOfStdin } from './stdin.ts'

const STDIN = '-'

/** `keymesh put KEY VALUE`; a VALUE of `-` is standard input. */
export async function put({ words, given, connection, signal }: ClientCall): Promise<Answer> {
  const [name = '', text = ''] = words
  const key = keyOf(name, given.get('base64url') === true)
  const options = { ...conditionOf(given), ...ttlOf(given) }
  const value =
    text === STDIN
      ? await valueOfStdin(signal)
      : argumentBytes('VALUE', text, 'give such values on standard input, by -')
  return written(
    await withKeys(connection, signal, (kv, call) => kv.put(key, value, { ...call, ...options }))
  )
}

export function written({ revision }: Written): Answer {
  return {
    json: () => ({ revision }),
    plain: () => `written at revision ${revision}`,
    exitCode: EXIT.done
  }
}

function conditionOf(given: Given): { readonly ifRevision?: number } {
  const ifRevision = given.get('ifRevision') as number | undefined
  if (given.get('ifAbsent') !== true) return ifRevision === undefined ? {} : { ifRevision }
  if (ifRevision === undefined) return { ifRevision: 0 }
  throw new InvalidOptions('--if-absent and --if-revision are two conditions: give one')
}

function ttlOf(given: Given): { readonly ttl?: number } {
  const ttl = given.get('ttl') as number | undefined
  if (ttl === undefined) return {}
  if (ttl >= 1 && ttl <= TTL_MS_MAX) return { ttl }
  throw new InvalidOptions(`--ttl: must be from 1ms to ${TTL_MS_MAX / 86_400_000}d`)
}
