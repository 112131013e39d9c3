import {
  type Answered,
  type Asker,
  ok,
  outcomeAnswer,
  readOutcomeRequest,
  readScan,
  rejected
} from '../partition/answer.ts'
import type { ReplicaHost } from '../partition/host.ts'
import type { Replica } from '../partition/replica.ts'
import type { Scans } from '../partition/scans.ts'
import type { PeerId } from '../transport/transport.ts'
import type { ClusterMap } from '../wire/cluster-map.ts'
import { isDecisionType, isOfNodes, operationTypeOf } from '../wire/command.ts'
import { CODES } from '../wire/failure.ts'
import { type NodeId, SYSTEM_GROUP } from '../wire/ids.ts'
import { KEY_BYTES_MAX, TIMEOUT_MS_MAX } from '../wire/limits.ts'
import { isOfPlaces } from '../wire/lock.ts'
import type { Request } from '../wire/request.ts'
import { encodePosition } from '../wire/watch.ts'
import { sometimes } from '../world/sometimes.ts'
import { Admission, BYTES, PAGES, PARTS_SPARE_BYTES, REQUESTS } from './admission.ts'
import { Line } from './line.ts'
import type { Caller } from './mesh.ts'
import type { RequestWatch } from './request-watch.ts'
import { type Respond, Visit, type VisitShell } from './visit.ts'

/** What the door asks of the node behind it. */
export interface DoorShell {
  readonly host: ReplicaHost
  readonly scans: Scans
  map(): ClusterMap | undefined
  /** An encoded ClusterView; undefined before there is a map. */
  view(): Uint8Array | undefined
  leaderOf(group: number): NodeId | undefined
  callerOf(peer: PeerId): Caller
  readonly watch: RequestWatch
}

/** Of the time a request has; nobody knows exactly how long it will stay. */
const STAY_SHARE_MAX = 0.6

/** Who is refused comes back so late: sooner than what is inside has left. */
const FULL = { waitMs: 250 } as const
const LATER = CODES.overloaded.advice

const EMPTY = new Uint8Array(0)

/**
 * Where requests enter a node, whoever sent them: admits, finds the replica, sees that it answers
 * or that nobody waits for the answer any more.
 */
export class Door implements VisitShell {
  readonly #shell: DoorShell
  /** Of each sender, by the id of the request: those that were not answered at once. */
  readonly #visits = new Map<PeerId, Map<number, Visit>>()
  readonly #reads: Admission
  readonly #scans: Admission
  readonly #mutations: Admission
  readonly #mutationBytes: Admission
  /** Those that take turns to answer. */
  readonly #lines = { get: this.#newLine(), mutate: this.#newLine() } as const
  #inside = 0
  #insideBytes = 0
  #closing = false

  constructor(shell: DoorShell) {
    this.#shell = shell
    this.#reads = new Admission(this.#now(), REQUESTS)
    this.#scans = new Admission(this.#now(), PAGES)
    this.#mutations = new Admission(this.#now(), REQUESTS)
    this.#mutationBytes = new Admission(this.#now(), BYTES)
  }

  /** How many of each class may be inside now. */
  get limits(): { readonly reads: number; readonly mutations: number } {
    return { reads: this.#reads.limit, mutations: this.#mutations.limit }
  }

  /** How many bytes of mutations may be inside now. */
  get bytesLimit(): number {
    return this.#mutationBytes.limit
  }

  /** Requests without a place in a turn yet. */
  get waiting(): number {
    return this.#lines.get.waiting + this.#lines.mutate.waiting
  }

  /**
   * Measures what leaves, and how long turns are: a timer came `lateMs` after it was due. Call it
   * about ten times a second.
   */
  tick(now: number, lateMs: number): void {
    this.#reads.tick(now)
    this.#scans.tick(now)
    this.#mutations.tick(now)
    this.#mutationBytes.tick(now)
    const { get, mutate } = this.#lines
    for (const line of [get, mutate]) for (const visit of line.queue()) visit.giveWay(now)
    get.tick(lateMs, this.#reads.limit)
    mutate.tick(lateMs, this.#mutations.limit)
  }

  /** Serves those who wait in the places that are free; whether there was anybody. */
  fill(): boolean {
    const mutating = this.#lines.mutate.fill()
    return this.#lines.get.fill() || mutating
  }

  /** Requests being worked on. */
  get inside(): number {
    return this.#inside
  }

  /** Bytes of their bodies. */
  get insideBytes(): number {
    return this.#insideBytes
  }

  /** From now on nothing new is let in. */
  close(): void {
    this.#closing = true
  }

  /**
   * `respond` is called once, at once or later, unless `from` gives the request up before.
   * Requires: ids of a sender are unique as long as its link stands.
   */
  enter(from: PeerId, request: Request, respond: Respond): void {
    const refusal = this.#refusal(from, request)
    if (refusal !== undefined) {
      this.#tell(from, request, refusal.code, this.#now())
      respond(refusal)
      return
    }
    const visit = new Visit(this, { from, request, respond, now: this.#now() })
    this.#inside++
    this.#insideBytes += visit.bytes
    const line = this.#lineOf(request)
    if (line === undefined) this.#serve(request, visit)
    else line.enter(visit)
    if (visit.isAnswered) return
    const visits = this.#visits.get(from)
    if (visits === undefined) this.#visits.set(from, new Map([[request.id, visit]]))
    else visits.set(request.id, visit)
  }

  /**
   * `from` no longer waits for request `id`: it is dropped, unless it is a mutation that was
   * proposed already. No answer will be sent.
   */
  giveUp(from: PeerId, id: number): void {
    this.#visits.get(from)?.get(id)?.giveUp(this.#now())
  }

  /** The link of `from` is down: nobody waits for the answers to what came by it. */
  gone(from: PeerId): void {
    const visits = this.#visits.get(from)
    if (visits === undefined) return
    this.#visits.delete(from)
    if (visits.size > 0) sometimes('node: those who ask are gone before their answer')
    for (const visit of visits.values()) visit.giveUp(this.#now())
  }

  /** Of visits alone. */
  left(visit: Visit, { code }: Answered): void {
    const end = visit.isGivenUp ? 'given_up' : code === '' ? 'ok' : code
    this.#tell(visit.from, visit.request, end, visit.at)
    this.#inside--
    this.#insideBytes -= visit.bytes
    const visits = this.#visits.get(visit.from)
    // Another life of the sender may use the number for something else.
    const hadWaited = visits?.get(visit.id) === visit
    if (hadWaited) visits?.delete(visit.id)
    const served = hadWaited && code === ''
    const { kind } = visit.request
    if (kind === 'get' || kind === 'mutate') this.#lines[kind].left(visit)
    const admission = this.#admissionOf(visit.request)
    admission?.left(1, served)
    if (admission === this.#mutations) this.#mutationBytes.left(visit.bytes, served)
  }

  #tell(from: PeerId, request: Request, end: string, at: number): void {
    this.#shell.watch.served({ door: this.#shell.callerOf(from), request, end, at })
  }

  #now(): number {
    return this.#shell.host.clock.monotonic()
  }

  #refusal(from: PeerId, request: Request): Answered | undefined {
    const map = this.#shell.map()
    if (request.kind === 'map') return undefined
    if (map === undefined) return rejected('not_leader', 'this node belongs to no cluster yet')
    if (request.clusterId !== map.clusterId) {
      return rejected('wrong_cluster', 'the request is for another cluster')
    }
    if (request.epoch < map.epoch) {
      sometimes('node: is asked by an old map')
      return rejected('wrong_epoch', 'the map moved on')
    }
    if (request.timeoutMs > TIMEOUT_MS_MAX) {
      return rejected('invalid_argument', `timeout is over ${TIMEOUT_MS_MAX} ms`)
    }
    if (this.#closing) {
      sometimes('node: is asked while it stops')
      return rejected('not_leader', 'this node is stopping')
    }
    if (this.#isNotForClients(request) && this.#shell.callerOf(from) === 'client') {
      sometimes('node: a client sends what is for nodes alone')
      return rejected('invalid_argument', 'only nodes ask for that')
    }
    const excess = this.#excess(request)
    if (excess === undefined) return undefined
    return rejected('overloaded', `this node has too many ${excess} inside. ${LATER}`, FULL)
  }

  #isNotForClients({ kind, body }: Request): boolean {
    return kind === 'mutate' && isOfNodes(operationTypeOf(body))
  }

  /** Lets `request` in; else says what there is too much of. */
  #excess(request: Request): 'bytes' | 'requests' | undefined {
    const admission = this.#admissionOf(request)
    if (admission === undefined) return undefined
    const isMutation = request.kind === 'mutate'
    // Else it could not be answered before its deadline, and nobody would know what became of it.
    const line = isMutation ? this.#lines.mutate : this.#lines.get
    const isLate = line.waiting > 0 && admission.stayMs > STAY_SHARE_MAX * request.timeoutMs
    if (isLate || !admission.admit(1)) return 'requests'
    if (!isMutation) return undefined
    const spare = operationTypeOf(request.body) === 'prepare' ? PARTS_SPARE_BYTES : 0
    if (this.#mutationBytes.admit(request.body.length, spare)) return undefined
    admission.left(1, false)
    return 'bytes'
  }

  /** Undefined: what it takes to be served at all is answered, whatever else is inside. */
  #admissionOf({ kind, group, body }: Request): Admission | undefined {
    if (kind === 'get') return this.#reads
    if (kind === 'scan') return this.#scans
    if (kind !== 'mutate' || group === SYSTEM_GROUP) return undefined
    // What ends transactions and keeps locks lets others go on.
    const type = operationTypeOf(body)
    return isDecisionType(type) || isOfPlaces(type) ? undefined : this.#mutations
  }

  #newLine(): Line<Visit> {
    return new Line((visit) => {
      if (!visit.isOver(this.#now())) this.#serve(visit.request, visit)
    })
  }

  /** Undefined: it is answered at once, or needs no turn of others. */
  #lineOf(request: Request): Line<Visit> | undefined {
    const { kind, group, consistency } = request
    if (this.#admissionOf(request) === undefined || !this.#shell.host.get(group)?.isLeader) {
      return undefined
    }
    if (kind === 'mutate') return this.#lines.mutate
    return kind === 'get' && consistency === 'strong' ? this.#lines.get : undefined
  }

  #serve(request: Request, asker: Asker): void {
    const { kind, group, body } = request
    if (kind === 'map') {
      const view = this.#shell.view()
      asker.respond(view === undefined ? rejected('not_leader', 'no map yet') : ok(0, view))
      return
    }
    if (kind === 'watch') {
      this.#shell.host.watches.hear(body, asker)
      return
    }
    const replica = this.#shell.host.get(group)
    if (replica === undefined) {
      const leader = this.#shell.leaderOf(group) ?? ''
      asker.respond(rejected('not_leader', `group ${group} is not on this node`, { leader }))
      return
    }
    if (kind === 'basis') asker.respond(ok(replica.state.applied.index, EMPTY))
    else if (kind === 'mutate') replica.mutate(body, asker)
    else if (kind === 'outcome') this.#outcome(replica, body, asker)
    else if (kind === 'scan') this.#scan(replica, request, asker)
    else if (kind === 'position') this.#position(replica, asker)
    else if (kind !== 'get') this.#lock(replica, request, asker)
    else this.#get(replica, request, asker)
  }

  /** A strong read of what a transaction's anchor knows of it. */
  #outcome(replica: Replica, body: Uint8Array, asker: Asker): void {
    const id = readOutcomeRequest(body)
    if (id === undefined) {
      asker.respond(rejected('invalid_argument', 'not the name of a transaction'))
      return
    }
    this.#shell.host.read(replica, {
      run: () => asker.respond(outcomeAnswer(replica.state, id)),
      fail: () => asker.respond(replica.notLeader()),
      isOver: (now) => asker.isOver(now)
    })
  }

  #scan(replica: Replica, asked: Request, asker: Asker): void {
    const request = readScan(asked.body, asker)
    if (request === undefined) return
    const { consistency, minApplied: index } = asked
    this.#shell.scans.answer({ replica, request, consistency, index, asker })
  }

  /** A strong read of how far the group has come. */
  #position(replica: Replica, asker: Asker): void {
    this.#shell.host.read(replica, {
      run: () => {
        const { applied, counter } = replica.state
        asker.respond(ok(applied.index, encodePosition(counter)))
      },
      fail: () => asker.respond(replica.notLeader()),
      isOver: (now) => asker.isOver(now)
    })
  }

  /** A strong read of a lock, at once or when its time has come. */
  #lock(replica: Replica, { kind, body }: Request, asker: Asker): void {
    const { locks } = replica
    this.#shell.host.read(replica, {
      run: () => (kind === 'lock' ? locks.view(body, asker) : locks.awaitGrant(body, asker)),
      fail: () => asker.respond(replica.notLeader()),
      isOver: (now) => asker.isOver(now)
    })
  }

  #get(replica: Replica, request: Request, asker: Asker): void {
    const { body: key, consistency, minApplied } = request
    const { host } = this.#shell
    if (key.length === 0 || key.length > KEY_BYTES_MAX) {
      asker.respond(rejected('invalid_argument', `a key has 1 to ${KEY_BYTES_MAX} bytes`))
    } else if (consistency === 'eventual') host.nearReads.eventual(replica, key, asker)
    else if (consistency === 'session') {
      host.nearReads.session(replica, { key, index: minApplied }, asker)
    } else host.readStrong(replica, key, asker)
  }
}
