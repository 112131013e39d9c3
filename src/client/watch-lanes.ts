import type { GroupId, NodeId } from '../wire/ids.ts'
import type { WatchVerdict } from '../wire/watch.ts'
import type { Random } from '../world/random.ts'
import { placeText, type Told } from './watch-cursor.ts'

/** One group of a watch. */
export interface Lane {
  readonly group: GroupId
  /** All behind this is asked for. */
  asked: number
  /** Of the changes at `asked + 1`, so many were told before, by an earlier watch. */
  skip: number
  /** What its cursor says. */
  place: string
  /** Changes of it that were not told yet. */
  held: number
  /** Who is asked for it; undefined: nobody yet. */
  node: NodeId | undefined
  /** An answer is awaited. */
  isOut: boolean
  /** When changes of it came last, in turns. */
  turn: number
  /** Some replica told how it goes on from where it was. */
  isKnown: boolean
  /** Who could not tell since somebody could. */
  readonly lacking: Map<NodeId, Lack>
}

interface Lack {
  readonly verdict: Exclude<WatchVerdict, 'told' | 'ahead'> | 'silent'
  /** It is asked again from then on. */
  readonly until: number
  readonly since: number
}

const AGAIN_MS = 400
/** Who said nothing for so long, while others forgot, will hardly remember more than they do. */
const SILENT_MS = 3_000

export function newLane(group: GroupId, told: Told): Lane {
  const { position, count } = told
  return {
    group,
    asked: count === undefined ? position : position - 1,
    skip: count ?? 0,
    place: placeText(told),
    held: 0,
    node: undefined,
    isOut: false,
    turn: 0,
    isKnown: false,
    lacking: new Map()
  }
}

/** `node` cannot tell how `lane` goes on, for now. */
export function lacks(lane: Lane, node: NodeId, verdict: Lack['verdict'], now: number): void {
  const since = lane.lacking.get(node)?.since ?? now
  lane.lacking.set(node, { verdict, until: now + AGAIN_MS, since })
  lane.node = undefined
}

/** Nobody of `members` remembers how it goes on. */
export function isLost({ lacking }: Lane, members: readonly NodeId[], now: number): boolean {
  let forgotten = 0
  for (const node of members) {
    const lack = lacking.get(node)
    if (lack?.verdict === 'compacted') forgotten++
    else if (lack?.verdict !== 'silent' || now - lack.since < SILENT_MS) return false
  }
  return forgotten > 0
}

/** Who is to be asked for what; each watch begins with another node. */
export class Choosing {
  readonly #near: NodeId | undefined
  readonly #turn: number

  constructor(near: NodeId | undefined, random: Random) {
    this.#near = near
    this.#turn = random.below(0x1_0000)
  }

  /**
   * One of `members`, of whom `serving` tell something else already; undefined: all of them were
   * asked of late.
   */
  choose(
    { lacking }: Lane,
    members: readonly NodeId[],
    serving: ReadonlySet<NodeId>,
    now: number
  ): NodeId | undefined {
    const able = members.filter((node) => (lacking.get(node)?.until ?? 0) <= now)
    if (able.length < 2) return able[0]
    // Who was not asked yet knows no less than who could not tell a moment ago.
    const fresh = able.filter((node) => !lacking.has(node))
    const from = fresh.length > 0 ? fresh : able
    if (this.#near !== undefined && from.includes(this.#near)) return this.#near
    const known = from.find((node) => serving.has(node))
    return known ?? [...from].sort()[this.#turn % from.length]
  }
}
