import type { Index } from '../raft/types.ts'
import { dataSpan, nameOf } from '../state/layout.ts'
import type { HeldKey } from '../state/prepared.ts'
import type { Overlay } from '../storage/overlay.ts'
import { compareBytes } from '../wire/bytes.ts'
import { decodeRead } from '../wire/read-body.ts'
import type { Consistency } from '../wire/request.ts'
import { encodeScanPage, type ScanEntry, type ScanRequest } from '../wire/scan.ts'
import type { AnchoredTransaction } from '../wire/transaction.ts'
import { sometimes } from '../world/sometimes.ts'
import { type Answered, type Asker, ok } from './answer.ts'
import type { ReplicaHost } from './host.ts'
import { elsewhere, mayRead } from './near-reads.ts'
import type { Replica } from './replica.ts'
import {
  boundBehind,
  cutBefore,
  isStuck,
  isWithin,
  type Moment,
  type SeenPage,
  seenIn,
  spanUpTo
} from './scan-page.ts'

/** A page that somebody asked for. */
export interface Scan {
  readonly replica: Replica
  readonly request: ScanRequest
  readonly consistency: Consistency
  /** With `session`: the index that must be applied. */
  readonly index: Index
  readonly asker: Asker
}

/** Pages that are read from the store at once: each takes up to 1 MiB of memory. */
const READING_MAX = 4
/** Transactions that one page asks about. */
const ASKED_MAX = 64

/**
 * Answers scans of the replicas of a node, a page at a time. All of a page stood in its group at
 * one moment; where that cannot be told of a key, a page ends before it, and the next one, which
 * begins with it, is a read of that key alone.
 */
export class Scans {
  readonly #host: ReplicaHost
  readonly #overlay: Overlay
  readonly #fatal: (fault: Error) => void
  #waiting: Scan[] = []
  #reading = 0

  constructor(host: ReplicaHost, overlay: Overlay, fatal: (fault: Error) => void) {
    this.#host = host
    this.#overlay = overlay
    this.#fatal = fatal
  }

  /** Pages that wait to be read. */
  get waiting(): number {
    return this.#waiting.length
  }

  answer(scan: Scan): void {
    const { replica, consistency, index, asker } = scan
    if (consistency === 'strong') {
      this.#host.read(replica, {
        run: () => this.#enter(scan),
        fail: () => asker.respond(replica.notLeader()),
        isOver: (now) => asker.isOver(now)
      })
    } else if (consistency === 'session') {
      this.#host.nearReads.asFarAs({ replica, index, asker, answer: () => this.#enter(scan) })
    } else this.#enter(scan)
  }

  /** From here on any state of the replica is as good, and later ones better. */
  #enter(scan: Scan): void {
    if (this.#reading < READING_MAX) {
      this.#read(scan)
      return
    }
    sometimes('partition: a scan waits for others')
    this.#waiting.push(scan)
  }

  #next(): void {
    this.#reading--
    const now = this.#host.clock.monotonic()
    while (this.#reading < READING_MAX) {
      const scan = this.#waiting.shift()
      if (scan === undefined) return
      if (!scan.asker.isOver(now)) this.#read(scan)
    }
  }

  #read(scan: Scan): void {
    const { replica, request, consistency, asker } = scan
    if (!mayRead(replica)) {
      asker.respond(elsewhere(replica))
      return
    }
    this.#reading++
    const moment = momentOf(scan)
    const cutAt = this.#host.clock.monotonic()
    const ageMs = consistency === 'eventual' ? this.#ageMs(replica, moment) : 0
    const [gte, lt] = dataSpan(request)
    const range = { gte, lt, reverse: request.reverse }
    const limit = request.entriesMax
    this.#overlay.cut(replica.group, { range, limit }, (fault, cut) => {
      if (this.#host.isStopped) return
      if (fault !== undefined) {
        this.#fatal(fault)
        return
      }
      const seen = seenIn(cut, request, { moment, consistency })
      if (consistency === 'eventual') {
        const waitMs = ageMs + Math.ceil(this.#host.clock.monotonic() - cutAt)
        asker.respond({ ...answerOf(moment, seen), waitMs })
      } else this.#judge(scan, moment, seen)
      this.#next()
    })
  }

  #ageMs(replica: Replica, { held }: Moment): number {
    const { nearReads } = this.#host
    const intents = held.flatMap(({ intent }) => intent ?? [])
    const passed = intents.map(({ part }) => nearReads.sinceMs(part.time))
    return Math.max(nearReads.ageMs(replica), ...passed)
  }

  /** What keys are that transactions will change if they commit, the state does not tell. */
  #judge(scan: Scan, moment: Moment, seen: SeenPage): void {
    const { request, consistency } = scan
    const span = spanUpTo(seen.next, request)
    const met = moment.held
      .filter(({ key, intent }) => intent !== undefined && isWithin(key, span))
      .sort((a, b) => (request.reverse ? -1 : 1) * compareBytes(a.key, b.key))
    const [first] = met
    if (first === undefined) this.#tell(scan, moment, seen)
    else if (consistency === 'session') {
      this.#tell(scan, moment, cutBefore(seen, first.key, request))
    } else {
      this.#ask(met, (open) => {
        if (open === undefined) this.#tell(scan, moment, seen)
        else {
          sometimes('partition: a scan stops before an intent')
          this.#tell(scan, moment, cutBefore(seen, open.key, request))
        }
      })
    }
  }

  /**
   * Calls `hear` with the first of `met` whose transaction was not sure to be undecided, or
   * aborted, after this call; undefined: none. Those were undecided, too, when the page was read:
   * without them it shows that moment. One that is committed now may have been by then, or not.
   */
  #ask(met: readonly HeldKey[], hear: (open: HeldKey | undefined) => void): void {
    const asked = new Map<string, AnchoredTransaction>()
    for (const { intent } of met) {
      const ref = intent?.part.ref
      if (ref !== undefined && asked.size < ASKED_MAX) asked.set(nameOf(ref), ref)
    }
    const passed = new Set<string>()
    let left = asked.size
    for (const [name, ref] of asked) {
      this.#host.inquiries.ask(ref, (fate) => {
        if (fate === 'pending' || fate === 'aborted') passed.add(name)
        if (--left > 0) return
        hear(met.find(({ intent }) => intent !== undefined && !passed.has(nameOf(intent.part.ref))))
      })
    }
  }

  #tell(scan: Scan, moment: Moment, seen: SeenPage): void {
    const { asker, request } = scan
    if (seen.next !== undefined && isStuck(seen.next, request)) this.#readOne(scan)
    else asker.respond(answerOf(moment, seen))
  }

  /** The first key of the span by itself, which may have to wait for what is said of it. */
  #readOne({ replica, request, asker }: Scan): void {
    if (!replica.isLeader) {
      asker.respond(elsewhere(replica))
      return
    }
    sometimes('partition: a scan reads one key alone')
    const { reverse, start, end } = request
    // In reverse the span ends right behind the key.
    const key = reverse ? (end?.subarray(0, -1) ?? start) : start
    this.#host.readStrong(replica, key, {
      respond: (answer) => asker.respond(pageOfOne(answer, key, request)),
      isOver: (now) => asker.isOver(now)
    })
  }
}

function momentOf({ replica, request, consistency }: Scan): Moment {
  const { state, time } = replica
  const { transactions } = state
  const held = transactions.holdsAny ? transactions.heldIn(request) : []
  const now = consistency === 'strong' ? time.now() : time.look()
  return { applied: state.applied.index, time: state.time, now, held }
}

function answerOf({ applied }: Moment, page: SeenPage): Answered {
  return ok(applied, encodeScanPage(page))
}

/** The answer to a read of `key` alone, as a page. */
function pageOfOne(answer: Answered, key: Uint8Array, request: ScanRequest): Answered {
  if (answer.outcome !== 'ok') return answer
  const { record, lapse } = decodeRead(answer.body)
  const value = request.keysOnly ? new Uint8Array(0) : (record?.value ?? new Uint8Array(0))
  const entries: readonly ScanEntry[] = record === undefined ? [] : [{ ...record, key, value }]
  const page = { entries, next: boundBehind(key, request), lapse }
  return { ...answer, body: encodeScanPage(page) }
}
