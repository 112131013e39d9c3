import type { LockCheck } from '../wire/transaction.ts'
import { BadRequest } from './bad-request.ts'
import { keyInHeader } from './url-key.ts'

/** Headers of a change, as the table of calls describes them. */
interface ConditionHeaders {
  readonly 'if-match'?: string
  readonly 'if-none-match'?: string
}

/** What they ask of the revision; 0: there must be no such key. Throws BadRequest. */
export function conditionOf(headers: ConditionHeaders): { readonly ifRevision?: number } {
  const match = headers['if-match']
  const none = headers['if-none-match']
  if (match === undefined) return none === undefined ? {} : { ifRevision: 0 }
  if (none !== undefined) throw new BadRequest('give either If-Match or If-None-Match')
  const ifRevision = Number(match.slice(1, -1))
  if (Number.isSafeInteger(ifRevision)) return { ifRevision }
  throw new BadRequest('If-Match must be an entity tag as we gave it: this number is none of ours')
}

/** The same of those that name a lock. */
export interface FenceHeaders {
  readonly 'keymesh-fence-key'?: string
  readonly 'keymesh-fence-token'?: number
}

/** The lock that a change depends on. Throws BadRequest. */
export function fenceOf(headers: FenceHeaders): LockCheck | undefined {
  const key = headers['keymesh-fence-key']
  const token = headers['keymesh-fence-token']
  if (key === undefined && token === undefined) return undefined
  if (key === undefined || token === undefined) {
    throw new BadRequest('give both keymesh-fence-key and keymesh-fence-token')
  }
  return { type: 'lock', key: keyInHeader('keymesh-fence-key', key), guard: false, token }
}

/** Whether an `If-None-Match` names `revision`: any of its tags, weak or strong, or `*`. */
export function names(header: string, revision: number): boolean {
  return header
    .split(',')
    .map((tag) => tag.trim().replace(/^W\//, ''))
    .some((tag) => tag === '*' || tag === `"${revision}"`)
}
