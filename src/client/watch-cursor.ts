import type { ClusterId, GroupId } from '../wire/ids.ts'
import { groupOfPartition, partitionOfGroup } from '../wire/ids.ts'
import { LOG_NUMBER_MAX } from '../wire/limits.ts'

// Where a watch stands, as text:
//
//   1-CLUSTER-P-PLACE.PLACE.…     of all P partitions, in their order
//   1-CLUSTER-P-i_PLACE           of partition i alone
//
// 1 is the version, CLUSTER the first 8 digits of the cluster's id, numbers are in base 36. A place
// is the position up to which all was told; or POSITION~COUNT: of the changes of that position, and
// of nothing behind it, so many were told, counted over all keys.

/** Up to which of the changes of one group all was told. */
export interface Told {
  readonly position: number
  /** Of the changes at `position`; undefined: all of them. */
  readonly count?: number
}

const VERSION = '1'
const CLUSTER_DIGITS = 8
const BASE = 36
const FORM = /^1-([0-9a-f]{8})-([0-9a-z]{1,6})-([0-9a-z._~]+)$/
const PLACE = /^([0-9a-z]{1,11})(?:~([0-9a-z]{1,6}))?$/

/** What is watched: one partition, or all. */
export interface Watched {
  readonly clusterId: ClusterId
  readonly partitions: number
  /** In ascending order: one group, or those of all partitions. */
  readonly groups: readonly GroupId[]
}

/** What stands in a cursor for one group. */
export function placeText({ position, count }: Told): string {
  const whole = position.toString(BASE)
  return count === undefined ? whole : `${whole}~${count.toString(BASE)}`
}

/** `places`: the text of each group, in their order. */
export function cursorText(watched: Watched, places: readonly string[]): string {
  const { clusterId, partitions, groups } = watched
  const head = `${VERSION}-${clusterId.slice(0, CLUSTER_DIGITS)}-${partitions.toString(BASE)}-`
  const [first] = groups
  if (groups.length === partitions || first === undefined) return head + places.join('.')
  return `${head}${partitionOfGroup(first).toString(BASE)}_${places[0]}`
}

/** Where `cursor` says that a watch of `watched` stands; else what is wrong with it, in words. */
export function readCursor(cursor: string, watched: Watched): ReadonlyMap<GroupId, Told> | string {
  const [, cluster, count = '', rest = ''] = FORM.exec(cursor) ?? []
  if (cluster === undefined) return 'it is no cursor as a watch gives them'
  const { clusterId, partitions, groups } = watched
  if (!clusterId.startsWith(cluster) || Number.parseInt(count, BASE) !== partitions) {
    return 'it is of another cluster'
  }
  const places = placesIn(rest, partitions)
  if (places === undefined) return 'it is no cursor as a watch gives them'
  if (groups.some((group) => !places.has(group))) return 'it is of a watch of other keys'
  return places
}

function placesIn(text: string, partitions: number): Map<GroupId, Told> | undefined {
  const [only, one] = text.split('_')
  const places = new Map<GroupId, Told>()
  const first = one === undefined ? 0 : Number.parseInt(only ?? '', BASE)
  const texts = (one ?? text).split('.')
  if (texts.length !== (one === undefined ? partitions : 1)) return undefined
  if (!(first >= 0 && first < partitions)) return undefined
  for (const [i, place] of texts.entries()) {
    const told = toldOf(place)
    if (told === undefined) return undefined
    places.set(groupOfPartition(first + i), told)
  }
  return places
}

function toldOf(text: string): Told | undefined {
  const [, whole, part] = PLACE.exec(text) ?? []
  if (whole === undefined) return undefined
  const position = Number.parseInt(whole, BASE)
  if (position > LOG_NUMBER_MAX) return undefined
  return part === undefined ? { position } : { position, count: Number.parseInt(part, BASE) }
}
