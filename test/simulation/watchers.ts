import { readCursor, type Told, type Watched } from '../../src/client/watch-cursor.ts'
import {
  Watcher,
  type WatchItem,
  type WatchRequest,
  type WatchShell
} from '../../src/client/watcher.ts'
import { partitionOf } from '../../src/keyspace/hash.ts'
import type { SimulatedCluster } from '../../src/simulation/cluster.ts'
import { ChangesOracle } from '../../src/simulation/oracle-changes.ts'
import { Violation } from '../../src/simulation/violation.ts'
import type { Life } from '../../src/simulation/world.ts'
import { utf8, utf8Text } from '../../src/wire/bytes.ts'
import { type GroupId, groupOfPartition } from '../../src/wire/ids.ts'
import { behindKey, spanOfPrefix } from '../../src/wire/scan.ts'
import type { Random } from '../../src/world/random.ts'
import { checkWatch, type SeenChange, type WatchRun } from './checkers/watch.ts'

const TIMEOUT_MS = 4_000
const WATCHES_MAX = 3
/** Bookmarks of one watch that are looked at. */
const BOOKMARKS_MAX = 30

/** Somebody who may carry a watch: a client, or the gateway of a node. */
interface Place {
  readonly shell: WatchShell
  readonly near?: string
  isHere(): boolean
}

/** What one watch was shown, from a beginning of its own on. */
interface Course {
  readonly froms: ReadonlyMap<GroupId, number>
  readonly shown: Map<GroupId, SeenChange[]>
  cursor: string
  /** Cursors on the way, with how much of each group was shown then. */
  readonly bookmarks: { readonly cursor: string; readonly lengths: ReadonlyMap<GroupId, number> }[]
}

/**
 * Goal: whatever watches are shown is what the entries of each group did, in their order, none left
 * out and none twice; over the deaths of nodes and clients, from any cursor, and if it is not to be
 * had any more they are told so. Method: watches on keys, prefixes and everything, carried by
 * clients and nodes, that read at their own pace and move on with their last cursor.
 */
export class Watchers {
  readonly #watches: readonly OneWatch[]

  constructor(
    cluster: SimulatedCluster,
    { random, life }: { readonly random: Random; readonly life: Life }
  ) {
    const changes = new ChangesOracle(cluster.stateLimits)
    cluster.oracles.changes = changes
    const count = 1 + random.below(WATCHES_MAX)
    this.#watches = Array.from({ length: count }, (_, i) => {
      const own = random.fork(`watch-${i}`)
      return new OneWatch(`watch ${i}`, { cluster, changes, random: own, life })
    })
  }

  /** Changes shown. */
  get calls(): number {
    return this.#watches.reduce((sum, watch) => sum + watch.count, 0)
  }

  start(): void {
    for (const watch of this.#watches) watch.start()
  }

  /** Whether all have been shown everything; else who has not, in words. */
  get behind(): string | undefined {
    return this.#watches.map((watch) => watch.behind).find((found) => found !== undefined)
  }

  /** From now on they read whatever there is. */
  hurry(): void {
    for (const watch of this.#watches) watch.hurry()
  }

  stop(): void {
    for (const watch of this.#watches) watch.stop()
  }

  /** Throws Violation. */
  check(): void {
    for (const watch of this.#watches) watch.check()
  }
}

interface Around {
  readonly cluster: SimulatedCluster
  readonly changes: ChangesOracle
  readonly random: Random
  readonly life: Life
}

class OneWatch {
  count = 0
  readonly #name: string
  readonly #around: Around
  /** Undefined: all keys that begin with the prefix. */
  readonly #key: string | undefined
  readonly #prefix: string
  readonly #paceMs: number
  readonly #courses: Course[] = []
  #watcher: Watcher | undefined
  #place: Place | undefined
  #watched: Watched | undefined
  #isHurried = false
  #isStopped = false

  constructor(name: string, around: Around) {
    this.#name = name
    this.#around = around
    const { random } = around
    this.#key = random.below(4) === 0 ? 'key0' : undefined
    this.#prefix = ['', 'key', 'list', 'mortal', 'acc'][random.below(5)] as string
    this.#paceMs = [5, 50, 1_500][random.below(3)] as number
  }

  start(): void {
    this.#later(this.#around.random.below(3_000))
  }

  hurry(): void {
    this.#isHurried = true
  }

  stop(): void {
    this.#isStopped = true
    this.#watcher?.close()
    this.#watcher = undefined
  }

  /** Only what matters to it counts: its cursor must have passed it. */
  get behind(): string | undefined {
    const course = this.#courses.at(-1)
    if (course === undefined) return `${this.#name} has not begun`
    const { changes } = this.#around
    const told = this.#toldAt(course.cursor)
    for (const group of course.froms.keys()) {
      const last = changes.of(group).findLast(({ key }) => this.#watches(key))
      const { position = 0 } = last ?? {}
      const at = told.get(group)
      if (at === undefined || at.position < position || at.count !== undefined) {
        return `${this.#name} is at ${at?.position} of group ${group}, which is at ${position}`
      }
    }
    return undefined
  }

  check(): void {
    const { changes } = this.#around
    for (const [i, course] of this.#courses.entries()) {
      const ends = [...course.bookmarks, { cursor: course.cursor, lengths: lengthsOf(course) }]
      for (const { cursor, lengths } of ends) {
        const told = this.#toldAt(cursor)
        const shown = [...course.froms].map(([group, from]) => {
          const { position = 0, count } = told.get(group) ?? {}
          const all = course.shown.get(group) ?? []
          const upTo = count === undefined ? position : position - 1
          return {
            group,
            from,
            changes: all.slice(0, lengths.get(group) ?? 0),
            upTo,
            partly: count ?? 0
          }
        })
        const run: WatchRun = {
          name: `${this.#name}.${i}`,
          watches: (key) => this.#watches(key),
          shown
        }
        const committed = new Map(shown.map(({ group }) => [group, changes.of(group)]))
        const [wrong] = checkWatch(run, committed)
        if (wrong !== undefined) throw new Violation(wrong)
      }
    }
  }

  #watches(key: string): boolean {
    return this.#key === undefined ? key.startsWith(this.#prefix) : key === this.#key
  }

  #later(ms: number): void {
    this.#around.life.timers.after(ms, () => {
      if (this.#isStopped) return
      this.#go()
      const { random } = this.#around
      this.#later(this.#isHurried ? 20 : 1 + random.below(this.#paceMs))
    })
  }

  #go(): void {
    const { random } = this.#around
    const isLost = this.#place?.isHere() !== true
    if (this.#watcher === undefined || isLost || random.below(this.#isHurried ? 500 : 60) === 0) {
      this.#move()
    }
    const most = this.#isHurried ? Number.POSITIVE_INFINITY : 1 + random.below(20)
    for (let i = 0; i < most; i++) {
      const item = this.#watcher?.take()
      if (item === undefined) break
      this.#take(item)
    }
    const failed = this.#watcher?.failure
    if (failed === undefined) return
    this.#around.cluster.world.trace(`${this.#name} ${failed.code}`)
    this.#watcher?.close()
    this.#watcher = undefined
    if (failed.code === 'compacted') this.#isFresh = true
    else if (failed.code === 'invalid_argument') {
      throw new Violation(`${this.#name}: its own cursor is refused: ${failed.message}`)
    }
  }

  /** It begins anew: what was between is lost, and it was told so. */
  #isFresh = true

  /** Goes on somewhere else, from where it stands. */
  #move(): void {
    this.#watcher?.close()
    this.#watcher = undefined
    const place = this.#draw()
    const { view } = place?.shell ?? {}
    if (place === undefined || view === undefined) return
    this.#place = place
    const from = this.#isFresh ? undefined : this.#courses.at(-1)?.cursor
    const { near } = place
    const request: WatchRequest = {
      ...this.#what(),
      timeoutMs: TIMEOUT_MS,
      ...(from === undefined ? {} : { from }),
      ...(near === undefined ? {} : { near })
    }
    const { map } = view
    const groups = request.groupsOf(map.settings.partitions)
    this.#watched = { clusterId: map.clusterId, partitions: map.settings.partitions, groups }
    this.#watcher = new Watcher(place.shell, request, () => {})
    this.#watcher.start()
  }

  #what(): Pick<WatchRequest, 'span' | 'groupsOf'> {
    const key = this.#key
    if (key === undefined) {
      return {
        span: spanOfPrefix(utf8(this.#prefix)),
        groupsOf: (count) => Array.from({ length: count }, (_, i) => groupOfPartition(i))
      }
    }
    const start = utf8(key)
    return {
      span: { start, end: behindKey(start) },
      groupsOf: (count) => [groupOfPartition(partitionOf(start, count))]
    }
  }

  #draw(): Place | undefined {
    const { cluster, random } = this.#around
    const nodes = cluster.nodes.filter(
      ({ machine, life, lost, away }) =>
        machine?.membership.isMember && !life?.paused && lost === undefined && away === undefined
    )
    const node = random.below(3) === 0 ? nodes[random.below(nodes.length || 1)] : undefined
    if (node?.machine !== undefined) {
      const { machine } = node
      const isHere = (): boolean => node.machine === machine && !node.machine.stopping
      return { shell: machine.gateway, near: node.name, isHere }
    }
    const client = cluster.clients[random.below(cluster.clients.length)]
    if (client === undefined) return undefined
    const { driver } = client
    return { shell: driver, isHere: () => client.driver === driver }
  }

  #take(item: WatchItem): void {
    const { random, cluster } = this.#around
    cluster.world.trace(`${this.#name} ${item.type} ${item.cursor}`)
    if (this.#isFresh) {
      if (item.type !== 'progress') throw new Violation(`${this.#name}: a change came first`)
      const told = this.#toldAt(item.cursor)
      const froms = new Map([...told].map(([group, { position }]) => [group, position] as const))
      const { cursor } = item
      this.#courses.push({ froms, shown: new Map(), cursor, bookmarks: [] })
      this.#isFresh = false
      return
    }
    const course = this.#courses.at(-1) as Course
    if (item.type === 'change') this.#show(course, item)
    course.cursor = item.cursor
    if (course.bookmarks.length < BOOKMARKS_MAX && random.below(20) === 0) {
      course.bookmarks.push({ cursor: item.cursor, lengths: lengthsOf(course) })
    }
  }

  #show(course: Course, { change }: Extract<WatchItem, { readonly type: 'change' }>): void {
    const { position, place, revision, value, expired } = change
    const key = utf8Text(change.key) ?? ''
    const partitions = this.#watched?.partitions ?? 1
    const group = groupOfPartition(partitionOf(change.key, partitions))
    const seen = course.shown.get(group) ?? []
    course.shown.set(group, seen)
    const text = value === undefined ? undefined : (utf8Text(value) ?? '')
    seen.push({ position, place, key, revision, value: text, expired })
    this.count++
  }

  #toldAt(cursor: string): ReadonlyMap<GroupId, Told> {
    const watched = this.#watched
    if (watched === undefined) return new Map()
    const told = readCursor(cursor, watched)
    if (typeof told === 'string') throw new Violation(`${this.#name}: ${cursor}: ${told}`)
    return told
  }
}

function lengthsOf({ shown }: Course): ReadonlyMap<GroupId, number> {
  return new Map([...shown].map(([group, changes]) => [group, changes.length] as const))
}
