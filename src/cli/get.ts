import type { Consistency, Entry } from '../client/api.ts'
import { errorOf } from '../client/errors.ts'
import { jsonBytes } from '../gateway/json-bytes.ts'
import { failure } from '../wire/failure.ts'
import { type Answer, EXIT } from './answer.ts'
import type { ClientCall } from './call.ts'
import { withKeys } from './client.ts'
import { keyOf } from './keys.ts'

/** `keymesh get KEY`. */
export async function get({ words, given, connection, signal }: ClientCall): Promise<Answer> {
  const [name = ''] = words
  const key = keyOf(name, given.get('base64url') === true)
  const consistency = (given.get('consistency') as Consistency | undefined) ?? 'strong'
  const entry = await withKeys(connection, signal, (kv, call) =>
    kv.getEntry(key, { ...call, consistency })
  )
  if (entry !== undefined) return found(name, entry)
  throw errorOf(failure('not_found', `there is no key ${JSON.stringify(name)}`))
}

/** `name`: how the caller named the key. */
export function found(name: string, entry: Entry<Uint8Array>): Answer {
  const { value, revision, expiresIn } = entry
  return {
    json: () => {
      const expiry = expiresIn === undefined ? {} : { expiresIn }
      return { key: name, value: jsonBytes(value), revision, ...expiry }
    },
    plain: () => value,
    exitCode: EXIT.done
  }
}
