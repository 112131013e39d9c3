import { BadRequest } from './bad-request.ts'

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

/** Whether an `If-None-Match` names `revision`: any of its tags, weak or strong, or `*`. */
export function names(header: string, revision: number): boolean {
  return header
    .split(',')
    .map((tag) => tag.trim().replace(/^W\//, ''))
    .some((tag) => tag === '*' || tag === `"${revision}"`)
}
