import { changedKey, changedValue, type KeyChange } from '../state/key-change.ts'
import type { StateMachine } from '../state/state-machine.ts'
import { Malformed } from '../wire/bytes.ts'
import type { GroupId } from '../wire/ids.ts'
import type { KeySpan } from '../wire/scan.ts'
import {
  decodeWatchQuestion,
  encodeWatchAnswer,
  isWithin,
  type WatchedChange,
  type WatchPage,
  type WatchPlace,
  type WatchQuestion
} from '../wire/watch.ts'
import type { Clock } from '../world/clock.ts'
import { sometimes } from '../world/sometimes.ts'
import { type Asker, ok, rejected } from './answer.ts'
import { History, type HistoryLimits, type Remembered } from './history.ts'
import type { Replica } from './replica.ts'

export interface WatchesOptions {
  readonly clock: Clock
  readonly limits: HistoryLimits
  readonly get: (group: GroupId) => Replica | undefined
}

/** What is known of one group of a question that waits. */
interface Place extends WatchPlace {
  /** Nothing in the range changed behind `after`, up to here. */
  upTo: number
}

/** A question without an answer: nothing changed in its range so far. */
interface Waiting {
  readonly question: WatchQuestion
  readonly asker: Asker
  readonly places: ReadonlyMap<GroupId, Place>
  readonly askedAt: number
  readonly until: number
}

interface Kept {
  readonly history: History
  /** Whose changes they are. */
  readonly state: StateMachine
  /** Its bytes, as they are part of the sum. */
  counted: number
}

const WAITING_MAX = 10_000
/** Groups that those who wait ask for. */
const PLACES_WAITING_MAX = 200_000
const HOLD_MS_MAX = 10_000
/** An answer ends where it is this large, even if more was asked for. */
const PAGE_BYTES_MAX = 256 * 1024
/** Changes that one question looks through at once: some milliseconds. */
const LOOKED_AT_MAX = 20_000
/** A replica that heard from no leader for so long may be the last to know. */
const STALE_MS = 5_000
/** When a node remembers too much, the group that has most gives this share of it. */
const GIVEN_SHARE = 1 / 8
const NONE: readonly WatchedChange[] = []
const LATER_MS = 500

/** How much of an answer there is. */
interface Budget {
  bytes: number
  looks: number
}

/** Tells those who ask what changed in the replicas of a node (docs/watch.md). */
export class Watches {
  /** Changes told, and questions refused because too little is remembered. */
  readonly counts = { told: 0, compacted: 0 }
  readonly #options: WatchesOptions
  readonly #kept = new Map<Replica, Kept>()
  /** In the order of `until`, as far as all hold for as long. */
  readonly #waiting = new Set<Waiting>()
  readonly #byGroup = new Map<GroupId, Set<Waiting>>()
  #placesWaiting = 0
  /** Of all histories. */
  #bytes = 0

  constructor(options: WatchesOptions) {
    this.#options = options
  }

  /** Questions that wait. */
  get waiting(): number {
    return this.#waiting.size
  }

  /** What all histories of the node hold. */
  get remembered(): { readonly changes: number; readonly bytes: number } {
    let changes = 0
    for (const { history } of this.#kept.values()) changes += history.count
    return { changes, bytes: this.#bytes }
  }

  /** From here on what `replica` applies is remembered. */
  opened(replica: Replica): void {
    const { state } = replica
    const history = new History(state.counter)
    state.listener = (change) => history.add(change)
    this.#bytes -= this.#kept.get(replica)?.counted ?? 0
    this.#kept.set(replica, { history, state, counted: 0 })
  }

  /** `replica` applied more, or has got another state. */
  applied(replica: Replica): void {
    const kept = this.#kept.get(replica)
    if (kept === undefined) return
    if (kept.state !== replica.state) {
      sometimes('partition: a history ends where a snapshot was put in')
      kept.state.listener = undefined
      this.opened(replica)
    }
    for (const waiting of this.#byGroup.get(replica.group) ?? []) this.#look(waiting, replica)
    const now = this.#kept.get(replica)
    if (now !== undefined) this.#shrink(now)
  }

  /** An encoded question. */
  hear(body: Uint8Array, asker: Asker): void {
    let question: WatchQuestion
    try {
      question = decodeWatchQuestion(body)
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      asker.respond(rejected('invalid_argument', error.message))
      return
    }
    this.ask(question, asker)
  }

  /** Answers at once if there is anything to tell, and else when there is, or its time is over. */
  ask(question: WatchQuestion, asker: Asker): void {
    const pages = this.#pages(question)
    if (question.holdMs === 0 || question.bytesMax === 0 || pages.some(isNews)) {
      this.#answer(asker, pages)
      return
    }
    const { length } = question.places
    if (this.#waiting.size >= WAITING_MAX || this.#placesWaiting + length > PLACES_WAITING_MAX) {
      const message = 'too many watches wait at this node. Ask another one, or later'
      asker.respond(rejected('overloaded', message, { waitMs: LATER_MS }))
      return
    }
    this.#wait(question, asker, pages)
  }

  /** Lets go of those whose time is over. Call it a few times a second; `now` is monotonic. */
  tick(now: number): void {
    for (const waiting of this.#waiting) {
      if (waiting.asker.isOver(now)) this.#leave(waiting)
      else if (now >= waiting.until) this.#give(waiting, this.#lastPages(waiting))
    }
  }

  #wait(question: WatchQuestion, asker: Asker, pages: readonly WatchPage[]): void {
    const askedAt = this.#options.clock.monotonic()
    const places = new Map<GroupId, Place>()
    for (const [i, { group, after }] of question.places.entries()) {
      places.set(group, { group, after, upTo: pages[i]?.upTo ?? after })
    }
    const until = askedAt + Math.min(question.holdMs, HOLD_MS_MAX)
    const waiting = { question, asker, places, askedAt, until }
    this.#waiting.add(waiting)
    this.#placesWaiting += places.size
    for (const group of places.keys()) {
      const others = this.#byGroup.get(group)
      if (others === undefined) this.#byGroup.set(group, new Set([waiting]))
      else others.add(waiting)
    }
  }

  #leave(waiting: Waiting): void {
    this.#waiting.delete(waiting)
    this.#placesWaiting -= waiting.places.size
    for (const group of waiting.places.keys()) {
      const others = this.#byGroup.get(group)
      others?.delete(waiting)
      if (others?.size === 0) this.#byGroup.delete(group)
    }
  }

  /** Whether what `replica` applied since is of interest to who waits. */
  #look(waiting: Waiting, replica: Replica): void {
    const place = waiting.places.get(replica.group)
    if (place === undefined) return
    const { span, bytesMax } = waiting.question
    const budget = { bytes: Math.min(bytesMax, PAGE_BYTES_MAX), looks: LOOKED_AT_MAX }
    const page = this.#page({ group: place.group, after: place.upTo }, span, budget)
    if (!isNews(page)) {
      place.upTo = page.upTo
      return
    }
    const others = this.#lastPages(waiting).filter(({ group }) => group !== replica.group)
    this.#give(waiting, [page, ...others])
  }

  /** Of those in whose range nothing has happened. */
  #lastPages({ places, askedAt }: Waiting): readonly WatchPage[] {
    const pages: WatchPage[] = []
    for (const { group, after, upTo } of places.values()) {
      const verdict = this.#isAhead(group, after, askedAt) ? 'ahead' : 'told'
      pages.push({ group, verdict, upTo, changes: NONE })
    }
    return pages
  }

  /** The state has all that was committed when `after` was shown here: it can be of none of it. */
  #isAhead(group: GroupId, after: number, askedAt: number): boolean {
    const replica = this.#options.get(group)
    if (replica === undefined || after <= replica.state.counter) return false
    return replica.freshness.currentAt(replica.state.applied.index) >= askedAt
  }

  #give(waiting: Waiting, pages: readonly WatchPage[]): void {
    this.#leave(waiting)
    this.#answer(waiting.asker, pages)
  }

  #answer(asker: Asker, pages: readonly WatchPage[]): void {
    let bytes = 64
    for (const { changes } of pages) {
      this.counts.told += changes.length
      bytes += 24
      for (const { key, value } of changes) bytes += key.length + (value?.length ?? 0) + 24
    }
    asker.respond(ok(0, encodeWatchAnswer(pages, bytes)))
  }

  /** Of each place, in their order; fewer if the answer is full before. */
  #pages({ span, bytesMax, places }: WatchQuestion): readonly WatchPage[] {
    const budget = { bytes: Math.min(bytesMax, PAGE_BYTES_MAX), looks: LOOKED_AT_MAX }
    const pages: WatchPage[] = []
    for (const place of places) {
      if (bytesMax > 0 && isSpent(budget)) break
      pages.push(this.#page(place, span, budget))
    }
    return pages
  }

  #page(place: WatchPlace, span: KeySpan, budget: Budget): WatchPage {
    const { group, after } = place
    const replica = this.#options.get(group)
    const kept = replica === undefined ? undefined : this.#kept.get(replica)
    const no = (verdict: WatchPage['verdict']): WatchPage => {
      return { group, verdict, upTo: after, changes: NONE }
    }
    if (replica === undefined || kept === undefined) return no('elsewhere')
    if (replica.damage !== undefined || replica.installing) return no('elsewhere')
    const { history, state } = kept
    if (after < history.floor) {
      this.counts.compacted++
      return no('compacted')
    }
    if (this.#isStale(replica)) return no('stale')
    // It is only asked whether it can be told.
    if (isSpent(budget)) return { group, verdict: 'told', upTo: after, changes: NONE }
    const upTo = Math.max(after, state.counter)
    return { group, verdict: 'told', ...changesIn(history.after(after), { span, upTo, budget }) }
  }

  #isStale({ freshness, state, raft }: Replica): boolean {
    const heardAt = freshness.currentAt(state.applied.index)
    const now = this.#options.clock.monotonic()
    if (now - heardAt <= STALE_MS) return false
    freshness.wanted = true
    const { status } = raft
    // Nobody else could have committed anything.
    return !(status.committedInTerm && raft.isQuorum(() => false))
  }

  #shrink(kept: Kept): void {
    const { historyBytesMax, nodeHistoryBytesMax } = this.#options.limits
    this.#cut(kept, historyBytesMax)
    while (this.#bytes > nodeHistoryBytesMax) {
      const [largest] = [...this.#kept.values()].sort((a, b) => b.counted - a.counted)
      if (largest === undefined) return
      const before = largest.counted
      this.#cut(largest, Math.floor(before * (1 - GIVEN_SHARE)))
      // Each holds its last command and no more.
      if (largest.counted === before) return
    }
  }

  #cut(kept: Kept, bytesMax: number): void {
    const { history } = kept
    history.shrink(this.#options.limits.historyChangesMax, bytesMax)
    this.#bytes += history.bytes - kept.counted
    kept.counted = history.bytes
  }
}

function isSpent({ bytes, looks }: Budget): boolean {
  return bytes <= 0 || looks <= 0
}

/** Something to tell at once. */
function isNews({ verdict, changes }: WatchPage): boolean {
  return verdict !== 'told' || changes.length > 0
}

/** Whole commands, until `budget` is spent. */
function changesIn(
  remembered: Iterable<Remembered>,
  { span, upTo, budget }: { readonly span: KeySpan; readonly upTo: number; readonly budget: Budget }
): Pick<WatchPage, 'upTo' | 'changes'> {
  const changes: WatchedChange[] = []
  let last = 0
  for (const { change, place } of remembered) {
    if (change.position !== last && isSpent(budget)) {
      return { upTo: last, changes }
    }
    last = change.position
    budget.looks--
    const key = changedKey(change)
    if (!isWithin(key, span)) continue
    const told = toldOf(change, key, place)
    budget.bytes -= key.length + (told.value?.length ?? 0) + 16
    changes.push(told)
  }
  return { upTo, changes }
}

function toldOf(change: KeyChange, key: Uint8Array, place: number): WatchedChange {
  const { position, revision, expired } = change
  return { position, place, key, revision, value: changedValue(change), expired }
}
