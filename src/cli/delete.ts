import type { Deleted } from '../client/api.ts'
import { type Answer, EXIT } from './answer.ts'
import type { ClientCall } from './call.ts'
import { withKeys } from './client.ts'
import { keyOf } from './keys.ts'

/** `keymesh delete KEY`. */
export async function remove({ words, given, connection, signal }: ClientCall): Promise<Answer> {
  const [name = ''] = words
  const key = keyOf(name, given.get('base64url') === true)
  const ifRevision = given.get('ifRevision') as number | undefined
  const condition = ifRevision === undefined ? {} : { ifRevision }
  const gone = await withKeys(connection, signal, (kv, call) =>
    kv.delete(key, { ...call, ...condition })
  )
  return deleted(name, gone)
}

/** `name`: how the caller named the key. */
export function deleted(name: string, gone: Deleted): Answer {
  return {
    json: () => gone,
    plain: () =>
      gone.existed
        ? `deleted at revision ${gone.revision}`
        : `there was no key ${JSON.stringify(name)}`,
    exitCode: gone.existed ? EXIT.done : EXIT.no
  }
}
