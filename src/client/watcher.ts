import type { ClusterView } from '../wire/cluster-map.ts'
import { CODES, type Failure, failure } from '../wire/failure.ts'
import type { GroupId, NodeId } from '../wire/ids.ts'
import type { KeySpan } from '../wire/scan.ts'
import { encodeWatchQuestion, type WatchedChange, type WatchPage } from '../wire/watch.ts'
import type { Cancel } from '../world/clock.ts'
import { sometimes } from '../world/sometimes.ts'
import type { Shell } from './course.ts'
import type { CallOutcome } from './inputs.ts'
import { cursorText, placeText, readCursor, type Told, type Watched } from './watch-cursor.ts'
import { Choosing, isLost, type Lane, lacks, newLane } from './watch-lanes.ts'

/** What a watch rests on. A ClientDriver is one. */
export interface WatchShell extends Pick<Shell, 'call' | 'clock' | 'timers' | 'random'> {
  /** What is known of the cluster. */
  readonly view: ClusterView | undefined
}

export interface WatchRequest {
  readonly span: KeySpan
  /** Those that hold keys of the span, in ascending order, of so many partitions: one, or all. */
  readonly groupsOf: (partitions: number) => readonly GroupId[]
  /** Absent: from now on. */
  readonly from?: string | undefined
  /** For the beginning. */
  readonly timeoutMs: number
  /** Asked before others. */
  readonly near?: NodeId | undefined
}

/** What a watch tells, and where it stands after that. */
export type WatchItem =
  | { readonly type: 'change'; readonly change: WatchedChange; readonly cursor: string }
  | { readonly type: 'progress'; readonly cursor: string }

/** A watch as whoever reads it has it. */
export type OpenWatch = Pick<Watcher, 'start' | 'take' | 'failure' | 'close'>

/** The node may keep a question for so long when nothing happens. */
const HOLD_MS = 2_000
/** Beyond that: a node that is silent for longer is taken for dead. */
const PATIENCE_MS = 3_000
const PAGE_BYTES = 256 * 1024
/** With more that was not read nothing is asked for. */
const AHEAD_BYTES = 256 * 1024
/** Half of what is promised. */
const PROGRESS_MS = 5_000
/** While nobody can tell how a group goes on, it is looked at again so often. */
const LOOK_MS = 100
const POSITIONS_AT_ONCE = 64

/** A change that was not told yet. */
interface Held {
  readonly lane: Lane
  readonly change: WatchedChange
  readonly bytes: number
  /** What the cursor of its lane says after it. */
  readonly told: Told
}

/**
 * One watch, over all groups it concerns (docs/watch.md): asks one node after the other, keeps what
 * came until it is taken, and goes on where that ends. Synchronous.
 */
export class Watcher {
  readonly #shell: WatchShell
  readonly #request: WatchRequest
  readonly #onNews: () => void
  readonly #choosing: Choosing
  #watched: Watched | undefined
  #lanes: readonly Lane[] = []
  #held: Held[] = []
  #taken = 0
  #heldBytes = 0
  /** Lanes of which an answer is awaited. */
  #out = 0
  #turns = 0
  readonly #calls = new Set<Cancel>()
  #isStarted = false
  #isProgressDue = false
  #failure: Failure | undefined
  #isOver = false
  #stopProgress: Cancel = () => {}
  #stopLook: Cancel = () => {}
  #isLooking = false
  #startBy: number

  /** `onNews`: there may be something to take, or it has failed; called at any time. */
  constructor(shell: WatchShell, request: WatchRequest, onNews: () => void) {
    this.#shell = shell
    this.#request = request
    this.#onNews = onNews
    this.#choosing = new Choosing(request.near, shell.random)
    this.#startBy = shell.clock.monotonic() + request.timeoutMs
  }

  /** Why there is no more; once all that came before was taken. */
  get failure(): Failure | undefined {
    return this.#taken < this.#held.length ? undefined : this.#failure
  }

  /** Where all stands that was taken. Requires: something was. */
  get cursor(): string {
    const watched = this.#watched
    if (watched === undefined) return ''
    return cursorText(
      watched,
      this.#lanes.map(({ place }) => place)
    )
  }

  start(): void {
    const { map } = this.#shell.view ?? {}
    if (map === undefined) {
      this.#fail(failure('unavailable', 'no cluster map yet'))
      return
    }
    const { partitions } = map.settings
    const { groupsOf, from } = this.#request
    const groups = groupsOf(partitions)
    const watched = { clusterId: map.clusterId, partitions, groups }
    this.#watched = watched
    if (from === undefined) {
      this.#findPositions(groups)
      return
    }
    const places = readCursor(from, watched)
    if (typeof places === 'string') {
      this.#fail(failure('invalid_argument', `from: ${places}`))
      return
    }
    this.#lanes = groups.map((group) => newLane(group, places.get(group) as Told))
    this.#plan()
  }

  /** The next item; undefined: there is none yet, and news will come, or a failure. */
  take(): WatchItem | undefined {
    if (this.#isProgressDue) return this.#progress()
    const next = this.#held[this.#taken]
    if (next === undefined) return undefined
    this.#held[this.#taken++] = undefined as never
    const { lane, change, told, bytes } = next
    lane.held--
    lane.place = placeText(told)
    this.#heldBytes -= bytes
    if (this.#taken === this.#held.length) {
      this.#held = []
      this.#taken = 0
    }
    const item = { type: 'change', change, cursor: this.cursor } as const
    if (this.#out < this.#lanes.length) this.#plan()
    return item
  }

  /** Asks for nothing more. Nothing is called afterwards. */
  close(): void {
    this.#isOver = true
    this.#stopProgress()
    this.#stopLook()
    for (const cancel of [...this.#calls]) cancel()
    this.#calls.clear()
    this.#held = []
    this.#taken = 0
  }

  #progress(): WatchItem {
    this.#isProgressDue = false
    this.#stopProgress = this.#shell.timers.after(PROGRESS_MS, () => {
      this.#isProgressDue = true
      this.#news()
    })
    return { type: 'progress', cursor: this.cursor }
  }

  /** Where each group stands now, as strong reads tell. */
  #findPositions(groups: readonly GroupId[]): void {
    const found = new Map<GroupId, number>()
    let next = 0
    const ask = (): void => {
      const group = groups[next++]
      if (group === undefined) return
      const { timeoutMs } = this.#request
      this.#call({ kind: 'position', group }, timeoutMs, (outcome) => {
        if (!outcome.ok) {
          this.#fail(outcome.failure)
          return
        }
        if (outcome.kind === 'position') found.set(group, outcome.position)
        if (found.size < groups.length) ask()
        else this.#begin(groups.map((one) => newLane(one, { position: found.get(one) ?? 0 })))
      })
    }
    for (let i = 0; i < POSITIONS_AT_ONCE; i++) ask()
  }

  #begin(lanes: readonly Lane[]): void {
    if (this.#isOver || this.#failure !== undefined) return
    this.#lanes = lanes
    this.#started()
  }

  #started(): void {
    this.#isStarted = true
    this.#isProgressDue = true
    this.#plan()
    this.#news()
  }

  /** Asks for all groups that nobody is asked for, as far as there is room. */
  #plan(): void {
    if (this.#isOver || this.#failure !== undefined || this.#heldBytes >= AHEAD_BYTES) return
    const now = this.#shell.clock.monotonic()
    if (!this.#isStarted && now >= this.#startBy) {
      this.#fail(failure('unavailable', 'a partition of the watch has no replica that can tell'))
      return
    }
    const asks = new Map<NodeId, Lane[]>()
    const serving = new Set<NodeId>()
    for (const { node } of this.#lanes) if (node !== undefined) serving.add(node)
    let isIdle = false
    for (const lane of this.#lanes) {
      // A beginning is answered at once: whoever is known has to wait for the others.
      if (lane.isOut || (lane.isKnown && !this.#isStarted)) continue
      lane.node ??= this.#choose(lane, serving, now)
      const { node } = lane
      if (node === undefined) {
        isIdle = true
        continue
      }
      serving.add(node)
      const lanes = asks.get(node)
      if (lanes === undefined) asks.set(node, [lane])
      else lanes.push(lane)
    }
    for (const [node, lanes] of asks) this.#ask(node, lanes)
    if (isIdle) this.#lookLater()
  }

  #choose(lane: Lane, serving: ReadonlySet<NodeId>, now: number): NodeId | undefined {
    const members = this.#membersOf(lane.group)
    if (isLost(lane, members, now)) {
      sometimes('client: nobody remembers how a watch goes on')
      this.#fail(failure('compacted', CODES.compacted.advice))
      return undefined
    }
    return this.#choosing.choose(lane, members, serving, now)
  }

  #membersOf(group: GroupId): readonly NodeId[] {
    const placement = this.#shell.view?.map.placements.find((one) => one.group === group)
    return placement?.members.map(({ node }) => node) ?? []
  }

  /** Somebody may know more by then. */
  #lookLater(): void {
    if (this.#isLooking || this.#isOver) return
    this.#isLooking = true
    this.#stopLook = this.#shell.timers.after(LOOK_MS, () => {
      this.#isLooking = false
      this.#plan()
    })
  }

  #ask(node: NodeId, planned: readonly Lane[]): void {
    // An answer to the one before may have come at once, and planned anew.
    const lanes = planned.filter((lane) => !lane.isOut && lane.node === node)
    // Who was told least lately comes first: an answer may be full before all have their turn.
    lanes.sort((a, b) => a.turn - b.turn)
    const [first] = lanes
    if (first === undefined || this.#failure !== undefined) return
    const { span } = this.#request
    // Whether a cursor can be gone on from has to be known of all groups, before the first change.
    const [holdMs, bytesMax] = this.#isStarted ? [HOLD_MS, PAGE_BYTES] : [0, 0]
    const places = lanes.map(({ group, asked }) => ({ group, after: asked }))
    const question = encodeWatchQuestion({ span, bytesMax, holdMs, places })
    for (const lane of lanes) lane.isOut = true
    this.#out += lanes.length
    const operation = { kind: 'watch', node, group: first.group, question } as const
    this.#call(operation, holdMs + PATIENCE_MS, (outcome) => {
      for (const lane of lanes) lane.isOut = false
      this.#out -= lanes.length
      if (outcome.ok && outcome.kind === 'watch') this.#read(node, lanes, outcome.pages)
      else this.#unanswered(node, lanes, outcome)
      if (this.#isStarted || !this.#lanes.every((lane) => lane.isKnown)) this.#plan()
      else this.#started()
    })
  }

  #unanswered(node: NodeId, lanes: readonly Lane[], outcome: CallOutcome): void {
    const code = outcome.ok ? '' : outcome.failure.code
    if (!outcome.ok && (code === 'closed' || code === 'invalid_argument')) {
      this.#fail(outcome.failure)
      return
    }
    sometimes('client: a watch turns to another node')
    const now = this.#shell.clock.monotonic()
    for (const lane of lanes) lacks(lane, node, 'silent', now)
  }

  #read(node: NodeId, lanes: readonly Lane[], pages: readonly WatchPage[]): void {
    const now = this.#shell.clock.monotonic()
    const byGroup = new Map(lanes.map((lane) => [lane.group, lane]))
    for (const page of pages) {
      const lane = byGroup.get(page.group)
      if (lane === undefined) continue
      if (page.verdict === 'told') this.#readPage(lane, page)
      else if (page.verdict === 'ahead') {
        const message = 'from: it is ahead of the cluster: of another one, or of one put back'
        this.#fail(failure('invalid_argument', message))
      } else lacks(lane, node, page.verdict, now)
    }
    if (this.#held.length > 0) this.#news()
  }

  #readPage(lane: Lane, { upTo, changes }: WatchPage): void {
    lane.lacking.clear()
    lane.isKnown = true
    if (changes.length > 0) lane.turn = ++this.#turns
    for (const [i, change] of changes.entries()) {
      const { position, place, key, value } = change
      // Told by an earlier watch that ended in the middle of a transaction.
      if (position === lane.asked + 1 && place < lane.skip) continue
      const next = changes[i + 1]
      const isWhole = next?.position !== position
      const told = isWhole
        ? { position: next === undefined ? upTo : position }
        : { position, count: place + 1 }
      const bytes = key.length + (value?.length ?? 0) + 64
      this.#held.push({ lane, change, bytes, told })
      this.#heldBytes += bytes
      lane.held++
    }
    if (upTo > lane.asked) {
      lane.asked = upTo
      lane.skip = 0
    }
    if (lane.held === 0 && lane.skip === 0) lane.place = placeText({ position: lane.asked })
  }

  #call(
    operation: Parameters<WatchShell['call']>[0],
    timeoutMs: number,
    done: (outcome: CallOutcome) => void
  ): void {
    let cancel: Cancel | undefined
    let isDone = false
    const stop = this.#shell.call(operation, { timeoutMs, admitted: true }, (outcome) => {
      isDone = true
      if (cancel !== undefined) this.#calls.delete(cancel)
      if (!this.#isOver) done(outcome)
    })
    if (isDone) return
    cancel = stop
    this.#calls.add(stop)
  }

  #fail(failed: Failure): void {
    if (this.#isOver || this.#failure !== undefined) return
    this.#failure = failed
    this.#stopProgress()
    this.#stopLook()
    for (const cancel of [...this.#calls]) cancel()
    this.#news()
  }

  #news(): void {
    if (!this.#isOver) this.#onNews()
  }
}
