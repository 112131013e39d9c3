import type { Deleted } from '../client/api.ts'
import { type AllDeleted, deleteAll } from '../client/delete-all.ts'
import { promised } from '../client/promised.ts'
import { groupsOf, spanOf } from '../client/ranges.ts'
import { InvalidOptions } from '../node/options.ts'
import { type Answer, EXIT } from './answer.ts'
import type { ClientCall } from './call.ts'
import { withDriver, withKeys } from './client.ts'
import { keyOf, keyPartOf } from './keys.ts'

/** `keymesh delete KEY`, or `keymesh delete --prefix P`. */
export async function remove({ words, given, connection, signal }: ClientCall): Promise<Answer> {
  const [name] = words
  const prefix = given.get('prefix') as string | undefined
  if (prefix !== undefined) return await removeAll({ words, given, connection, signal }, prefix)
  if (name === undefined) throw new InvalidOptions('which KEY? Or all of them by --prefix')
  const key = keyOf(name, given.get('base64url') === true)
  const ifRevision = given.get('ifRevision') as number | undefined
  const condition = ifRevision === undefined ? {} : { ifRevision }
  const gone = await withKeys(connection, signal, (kv, call) =>
    kv.delete(key, { ...call, ...condition })
  )
  return deleted(name, gone)
}

async function removeAll(call: ClientCall, prefix: string): Promise<Answer> {
  const { words, given, connection, signal } = call
  if (words.length > 0) throw new InvalidOptions('--prefix names what to delete: no KEY')
  if (given.has('ifRevision')) throw new InvalidOptions('--if-revision is for one KEY')
  const bytes = keyPartOf('--prefix', prefix, given.get('base64url') === true)
  const spanned = spanOf(NO_PREFIX, { prefix: bytes })
  const { deleted: count } = await withDriver(connection, signal, async (driver) => {
    const partitions = driver.view?.map.settings.partitions ?? 0
    const all = { groups: groupsOf(spanned, partitions), span: spanned.span }
    return await promised<AllDeleted>(signal, (done) => deleteAll(driver, all, connection, done))
  })
  return {
    json: () => ({ deleted: count }),
    plain: () => `deleted ${count} ${count === 1 ? 'key' : 'keys'}`,
    exitCode: count > 0 ? EXIT.done : EXIT.no
  }
}

const NO_PREFIX = new Uint8Array(0)

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
