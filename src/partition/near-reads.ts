import type { Index } from '../raft/types.ts'
import { encodeRead } from '../wire/read-body.ts'
import type { Clock, Timers } from '../world/clock.ts'
import { sometimes } from '../world/sometimes.ts'
import { type Answered, type Asker, ok, rejected } from './answer.ts'
import type { TrustedClock } from './group-time.ts'
import type { Replica } from './replica.ts'
import type { ReadWait } from './waits.ts'

export interface NearReadsOptions {
  readonly clock: Clock
  readonly trusted: TrustedClock
  readonly timers: Timers
  /** As `ReplicaHost.read`. */
  readonly confirm: (replica: Replica, read: ReadWait) => void
}

/** A `session` read at a replica that has not applied what its reader has seen. */
interface Behind {
  readonly replica: Replica
  readonly index: Index
  readonly asker: Asker
  /** It has, now. */
  readonly answer: () => void
}

interface Wait extends Behind {
  readonly until: number
}

/**
 * A follower hears of a commit with the next message of its leader, most often within a
 * millisecond; one that lags by more should not keep a reader whom the leader can answer.
 */
const WAIT_MS_MAX = 20
const WAITS_MAX = 1_000
/** What the wall clocks of nodes may be apart: see ClusterClock. */
const SKEW_MS = 5_000
/** Said of a state of which nothing is known. */
const UNKNOWN_AGE_MS = Number.MAX_SAFE_INTEGER

/** Reads that any replica answers by the state it has (docs/decisions/0060). */
export class NearReads {
  readonly #options: NearReadsOptions
  /** In the order they came, which is that of `until`. */
  #waits: Wait[] = []
  #timerSet = false

  constructor(options: NearReadsOptions) {
    this.#options = options
  }

  /** The state as it is, at once, with how many ms ago it was surely current. */
  eventual(replica: Replica, key: Uint8Array, asker: Asker): void {
    if (!mayRead(replica)) {
      asker.respond(elsewhere(replica))
      return
    }
    const record = replica.state.read(key)
    const now = record?.expiresAt === undefined ? 0 : replica.time.look()
    const answer = ok(replica.state.applied.index, encodeRead(record, now))
    asker.respond({
      ...answer,
      waitMs: Math.max(this.ageMs(replica), this.#passedMs(replica, key))
    })
  }

  /** A transaction may have changed the key since its intent was placed; then it was current. */
  #passedMs({ state }: Replica, key: Uint8Array): number {
    const intent = state.transactions.intentOn(key)
    if (intent === undefined) return 0
    sometimes('partition: an eventual read passes by an intent')
    return this.sinceMs(intent.part.time)
  }

  /** How long ago it was `time` for a group, at most. */
  sinceMs(time: number): number {
    return Math.max(0, this.#options.trusted.now() - time) + SKEW_MS
  }

  /** The state once everything up to `index` is applied here, which may have to come first. */
  session(
    replica: Replica,
    { key, index }: { readonly key: Uint8Array; readonly index: Index },
    asker: Asker
  ): void {
    const answer = (): void => answerSession(replica, key, asker)
    this.asFarAs({ replica, index, asker, answer })
  }

  /** Calls `answer` once the replica is as far, or has the asker told to go elsewhere. */
  asFarAs(behind: Behind): void {
    const { replica, index, asker, answer } = behind
    if (!mayRead(replica)) asker.respond(elsewhere(replica))
    else if (replica.state.applied.index >= index) answer()
    else if (replica.isLeader) this.#confirmed(behind)
    else if (this.#waits.length >= WAITS_MAX) asker.respond(elsewhere(replica))
    else {
      this.#waits.push({ ...behind, until: this.#options.clock.monotonic() + WAIT_MS_MAX })
      this.#setTimer()
    }
  }

  /** `replica` applied more: whoever waited for it goes on. */
  applied(replica: Replica): void {
    if (this.#waits.length === 0) return
    const { index } = replica.state.applied
    const isDone = (wait: Wait): boolean => wait.replica === replica && wait.index <= index
    const done = this.#waits.filter(isDone)
    if (done.length === 0) return
    this.#waits = this.#waits.filter((wait) => !isDone(wait))
    sometimes('partition: a session waited for a replica')
    for (const { answer } of done) answer()
  }

  /** What a leader has not when a majority follows it still, nobody was ever truly told of. */
  #confirmed({ replica, index, asker, answer }: Behind): void {
    this.#options.confirm(replica, {
      run: () => {
        if (replica.state.applied.index >= index) answer()
        else asker.respond(beyond(replica, index))
      },
      fail: () => asker.respond(elsewhere(replica)),
      isOver: (now) => asker.isOver(now)
    })
  }

  #setTimer(): void {
    const [first] = this.#waits
    if (this.#timerSet || first === undefined) return
    this.#timerSet = true
    const { clock, timers } = this.#options
    timers.after(Math.max(0, first.until - clock.monotonic()), () => {
      this.#timerSet = false
      this.#giveUp(clock.monotonic())
      this.#setTimer()
    })
  }

  #giveUp(now: number): void {
    let count = 0
    while (count < this.#waits.length && (this.#waits[count]?.until ?? 0) <= now) count++
    if (count > 0) sometimes('partition: a session waits for a replica in vain')
    for (const { replica, asker } of this.#waits.splice(0, count)) asker.respond(elsewhere(replica))
  }

  /** How many ms ago the state of `replica` was surely current. */
  ageMs(replica: Replica): number {
    const { freshness, state, raft } = replica
    freshness.wanted = true
    const { status } = raft
    // Nobody else could have committed anything.
    if (status.committedInTerm && raft.isQuorum(() => false)) return 0
    const currentAt = freshness.currentAt(state.applied.index)
    if (currentAt > Number.NEGATIVE_INFINITY) {
      return Math.ceil(this.#options.clock.monotonic() - currentAt)
    }
    sometimes('partition: tells an age by the clock alone')
    // In this life nobody told us. What we hold was written no earlier than its last entry says.
    const elapsed = this.#options.trusted.now() - state.time
    // The clocks went back since, who knows how far.
    return elapsed < -SKEW_MS ? UNKNOWN_AGE_MS : Math.max(0, elapsed) + SKEW_MS
  }
}

/** A state that is damaged, or is about to be replaced by a later one, answers nobody. */
export function mayRead(replica: Replica): boolean {
  return replica.damage === undefined && !replica.installing
}

/**
 * By the time of the state alone: once a reader saw a key expire, every state it may see later has
 * that time. Where only the clock says so, the leader writes the time down first (design §7).
 */
function answerSession(replica: Replica, key: Uint8Array, asker: Asker): void {
  if (!mayRead(replica)) {
    asker.respond(elsewhere(replica))
    return
  }
  const { state } = replica
  if (state.transactions.intentOn(key) !== undefined) {
    // Only the record tells which value it is, and only the leader asks for it.
    if (replica.isLeader) replica.readStrong(key, asker)
    else asker.respond(elsewhere(replica))
    return
  }
  const record = state.read(key)
  const now = record?.expiresAt === undefined ? 0 : replica.time.look()
  if (record?.expiresAt === undefined || now < record.expiresAt) {
    asker.respond(ok(state.applied.index, encodeRead(record, now)))
  } else if (replica.isLeader) replica.answerRead(key, asker)
  else asker.respond(elsewhere(replica))
}

function beyond({ group, state }: Replica, index: Index): Answered {
  const message =
    `the session has seen change ${index} of group ${group}, which has only come to ` +
    `${state.applied.index}: it is of another state of this cluster, maybe before a backup was ` +
    'put back. Begin a new one: over HTTP without keymesh-session, in a client by connecting anew'
  return rejected('invalid_argument', message)
}

export function elsewhere(replica: Replica): Answered {
  const leader = replica.isLeader ? '' : (replica.leaderNode ?? '')
  const message = `the replica of group ${replica.group} here is not as far`
  return rejected('not_leader', message, { leader })
}
