import { EXPIRY_SPAN, readExpiryKey } from '../state/layout.ts'
import type { StateMachine } from '../state/state-machine.ts'
import type { Overlay } from '../storage/overlay.ts'
import type { CutPage } from '../storage/overlay-cut.ts'
import { encodeCommand } from '../wire/command.ts'
import { SYSTEM_GROUP } from '../wire/ids.ts'
import { sometimes } from '../world/sometimes.ts'
import type { Answered } from './answer.ts'
import type { ReplicaHost } from './host.ts'
import type { Replica } from './replica.ts'

/** Keys that one command ends, and what they may be together. */
const KEYS_MAX = 256
const KEY_BYTES_MAX = 64 * 1024
/** After a sweep that left something behind, because it was held or could not be proposed. */
const REST_MS = 500
/** What a leader proposes itself has no session: it may come any number of times. */
const OWN = { session: '0'.repeat(32), seq: 0, ackedUpTo: 0, basis: 0 } as const

/** What a look at the rows of a group found. */
interface Due {
  readonly keys: readonly Uint8Array[]
  /** When the next look is worth it, by the time of the group. */
  readonly next: number
  /** Keys that are over and stay for now. */
  readonly isHeld: boolean
}

/**
 * Ends keys whose ttl is over, in the groups that this node leads: a bounded number with each
 * command, one command of a group at a time. It only makes room: for reads a key is over when its
 * time is, swept or not.
 */
export class Sweeper {
  readonly #host: ReplicaHost
  readonly #overlay: Overlay
  readonly #fatal: (fault: Error) => void
  readonly #busy = new Set<Replica>()
  readonly #restUntil = new Map<Replica, number>()

  constructor(host: ReplicaHost, overlay: Overlay, fatal: (fault: Error) => void) {
    this.#host = host
    this.#overlay = overlay
    this.#fatal = fatal
  }

  /** Call it a few times a second; `now` is monotonic. */
  tick(now: number): void {
    for (const replica of this.#host.replicas()) {
      const { group, state, raft, damage } = replica
      if (group === SYSTEM_GROUP || damage !== undefined || this.#busy.has(replica)) continue
      if (!raft.isLeader || raft.transferring || !raft.committedInTerm) continue
      if (replica.time.look() < state.expiries.soonest) continue
      if (now >= (this.#restUntil.get(replica) ?? 0)) this.#sweep(replica)
    }
  }

  #sweep(replica: Replica): void {
    const { state } = replica
    this.#busy.add(replica)
    // Whatever gets a ttl while the rows are read says so itself.
    state.expiries.soonest = Number.POSITIVE_INFINITY
    const wanted = { range: EXPIRY_SPAN, limit: KEYS_MAX }
    this.#overlay.cut(replica.group, wanted, (fault, page) => {
      if (this.#host.isStopped) return
      if (fault !== undefined) {
        this.#fatal(fault)
        return
      }
      const due = dueIn(page, state, replica.time.look())
      state.expiries.expect(due.next)
      if (due.isHeld) this.#rest(replica)
      if (due.keys.length === 0) this.#busy.delete(replica)
      else this.#propose(replica, state, due.keys)
    })
  }

  #propose(replica: Replica, state: StateMachine, keys: readonly Uint8Array[]): void {
    const isOver = (): boolean => !this.#busy.has(replica)
    const respond = ({ outcome }: Answered): void => {
      if (!this.#busy.delete(replica) || outcome === 'ok') return
      sometimes('partition: expired keys are swept in vain')
      state.expiries.expect(0)
      this.#rest(replica)
    }
    replica.mutate(encodeCommand({ ...OWN, operation: { type: 'sweep', keys } }), {
      respond,
      isOver
    })
  }

  #rest(replica: Replica): void {
    this.#restUntil.set(replica, this.#host.clock.monotonic() + REST_MS)
  }
}

function dueIn({ entries, next }: CutPage, { transactions }: StateMachine, now: number): Due {
  const keys: Uint8Array[] = []
  let bytes = 0
  let isHeld = false
  for (const [row] of entries) {
    const { expiresAt, key } = readExpiryKey(row)
    if (expiresAt > now) return { keys, next: isHeld ? now : expiresAt, isHeld }
    bytes += key.length
    if (keys.length > 0 && bytes > KEY_BYTES_MAX) return { keys, next: now, isHeld }
    if (transactions.holderOf(key) === undefined) keys.push(key)
    else isHeld = true
  }
  const isMore = next !== undefined || isHeld
  return { keys, next: isMore ? now : Number.POSITIVE_INFINITY, isHeld }
}
