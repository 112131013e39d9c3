import type { CallOperation, CallOutcome, Floor } from '../client/inputs.ts'
import type { ClusterId, GroupId } from '../wire/ids.ts'
import { bothLapses, type Lapse } from '../wire/read-body.ts'
import { BadRequest } from './bad-request.ts'

// A session over HTTP is what its caller has seen: of each group the highest applied index that an
// answer came from, and which keys an eventual read found over. It travels as text, so that any
// node can go on with it:
//
//   1.CLUSTER.GROUP-INDEX_GROUP-INDEX…
//
// 1 is the version, CLUSTER the first 16 digits of the cluster's id, and the numbers are in base
// 36, groups ascending: some eight characters for each group that the caller has used. Where a key
// was over by a clock alone, GROUP-INDEX-REVISION-TIME, the two of its Lapse.

const PART = '[0-9a-z]+-[0-9a-z]+(-[0-9a-z]+-[0-9a-z]+)?'
/** What may come in `keymesh-session`. */
export const TOKEN_PATTERN = `^1\\.[0-9a-f]{16}\\.${PART}(_${PART})*$`

const TOKEN = new RegExp(TOKEN_PATTERN)
const CLUSTER_DIGITS = 16
const BASE = 36
const GROUP_MAX = 0xffff_ffff

/** What a caller has seen, by group. */
export type Floors = ReadonlyMap<GroupId, Floor>

const NO_FLOORS: Floors = new Map()

/** Whether it has the form of one; it may be of another cluster. */
export function isToken(text: string): boolean {
  return TOKEN.test(text)
}

/**
 * What a caller has seen who shows `token`. Throws BadRequest unless it is one of `cluster`; while
 * that is empty, the node does not know its cluster, and takes any.
 */
export function floorsOf(token: string | undefined, cluster: ClusterId): Floors {
  if (token === undefined) return NO_FLOORS
  if (!isToken(token)) throw malformed()
  const [, of, pairs = ''] = token.split('.')
  if (cluster !== '' && of !== cluster.slice(0, CLUSTER_DIGITS)) {
    throw badToken('keymesh-session is of another cluster: begin without it')
  }
  const floors = new Map<GroupId, Floor>()
  let last = -1
  for (const pair of pairs.split('_')) {
    const [of = '', index = '', revision, time] = pair.split('-')
    const group = number(of, GROUP_MAX)
    if (group <= last) throw malformed()
    last = group
    const applied = number(index)
    if (revision === undefined || time === undefined) floors.set(group, { applied })
    else {
      const lapse = { revision: number(revision), expiresAt: number(time) }
      floors.set(group, { applied, lapse })
    }
  }
  return floors
}

interface Told extends Floor {
  readonly group: GroupId
}

/** The token of a caller who had seen `floors` and is told of `applied` and `lapse` now. */
export function tokenAfter(
  floors: Floors,
  cluster: ClusterId,
  { group, applied, lapse }: Told
): string {
  const head = `1.${cluster.slice(0, CLUSTER_DIGITS)}.`
  const floor = floors.get(group)
  const higher = {
    applied: Math.max(applied, floor?.applied ?? 0),
    lapse: bothLapses(floor?.lapse, lapse)
  }
  if (floors.size === (floor === undefined ? 0 : 1)) return head + partOf(group, higher)
  return head + partsOf(new Map(floors).set(group, higher))
}

/** The same of a caller who is told of several groups. Undefined: of none, and had seen none. */
export function tokenAfterAll(
  floors: Floors,
  cluster: ClusterId,
  groups: readonly Told[]
): string | undefined {
  const all = new Map(floors)
  for (const { group, applied, lapse } of groups) {
    const floor = all.get(group)
    const both = bothLapses(floor?.lapse, lapse)
    all.set(group, { applied: Math.max(applied, floor?.applied ?? 0), lapse: both })
  }
  if (all.size === 0) return undefined
  return `1.${cluster.slice(0, CLUSTER_DIGITS)}.${partsOf(all)}`
}

/** A `session` read is bound by what its caller has seen, not by what others asked this node. */
export function inSession(operation: CallOperation, floors: Floors): CallOperation {
  if (operation.kind !== 'get' && operation.kind !== 'scan') return operation
  return operation.consistency === 'session' ? { ...operation, floors } : operation
}

/** What an answer says of the moment it shows; a call that failed shows none. */
export function momentHeaders(
  operation: CallOperation,
  outcome: CallOutcome,
  seen: { readonly floors: Floors; readonly cluster: ClusterId }
): Readonly<Record<string, string>> {
  if (!outcome.ok || outcome.kind === 'transact' || outcome.kind === 'watch') return {}
  const token = tokenAfter(seen.floors, seen.cluster, outcome)
  const isEventual = operation.kind === 'get' && operation.consistency === 'eventual'
  if (!isEventual || outcome.kind !== 'get') return { 'keymesh-session': token }
  return { 'keymesh-session': token, 'keymesh-staleness-ms': String(outcome.stalenessMs) }
}

function partsOf(floors: Floors): string {
  const ascending = [...floors].sort(([a], [b]) => a - b)
  return ascending.map(([group, at]) => partOf(group, at)).join('_')
}

function partOf(group: GroupId, { applied, lapse }: Floor): string {
  const pair = `${group.toString(BASE)}-${applied.toString(BASE)}`
  return lapse === undefined ? pair : pair + tailOf(lapse)
}

const tailOf = ({ revision, expiresAt }: Lapse): string =>
  `-${revision.toString(BASE)}-${expiresAt.toString(BASE)}`

/** Throws BadRequest unless `text` is a number as `partOf` writes it. */
function number(text: string, max = Number.MAX_SAFE_INTEGER): number {
  const value = Number.parseInt(text, BASE)
  if (value <= max && value.toString(BASE) === text) return value
  throw malformed()
}

const malformed = (): BadRequest => badToken('keymesh-session must be a token as we gave it, whole')

const badToken = (message: string): BadRequest => new BadRequest(message, 'invalid_argument', true)
