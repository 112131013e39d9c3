import { Malformed } from '../wire/bytes.ts'
import type { ClusterView } from '../wire/cluster-map.ts'
import { failure } from '../wire/failure.ts'
import type { NodeId, SessionId } from '../wire/ids.ts'
import { bothLapses } from '../wire/read-body.ts'
import type { Reply } from '../wire/request.ts'
import { unreachable } from '../world/assert.ts'
import { sometimes } from '../world/sometimes.ts'
import { Agenda } from './agenda.ts'
import {
  abandoned,
  type Call,
  type Errand,
  expired,
  isMutation,
  loadOf,
  needsLeader,
  type Pending,
  type Route
} from './calls.ts'
import { Dispatch } from './dispatch.ts'
import { Errands, type Parts } from './errands.ts'
import type {
  CallOperation,
  CallOutcome,
  ClientEffect,
  ClientInput,
  ClientOptions
} from './inputs.ts'
import { Nearest } from './nearest.ts'
import { newCall } from './new-call.ts'
import { Outbox } from './outbox.ts'
import { Peers } from './peers.ts'
import { readOutcome } from './read-outcome.ts'
import { type Answer, Refusals } from './refusals.ts'
import { Routes } from './routes.ts'
import { Targets } from './targets.ts'
import { Throttle } from './throttle.ts'

const IN_FLIGHT_MAX = 1_024
/** The patience of a call is doubled each time it ends, up to this. */
const PATIENCE_MAX_MS = 4_000
const OVERLOADED_RETRY_MS = 100
/** What fills the queue to a node leaves within a turn or two. */
const QUEUE_FULL = {
  id: 0,
  outcome: 'rejected',
  code: 'overloaded',
  message: 'the queue to the node is full',
  applied: 0,
  leader: '',
  epoch: 0,
  waitMs: 20,
  body: new Uint8Array(0)
} as const satisfies Reply

type Transacted = CallOutcome & { readonly ok: true; readonly kind: 'transact' }

const NOBODY: readonly NodeId[] = []

/**
 * The client: finds the leader of each key's group, sends, retries what is safe to retry, and tells
 * each caller once what became of its call. Pure: time comes with each input, chance from `random`,
 * and what it wants done it returns. One machine serves any number of callers.
 *
 * Exactly once: all copies of a mutation are the same bytes, so that the group's session table
 * answers a repetition. A call is reported `not_applied` only when every copy of it was refused or
 * none was sent; one copy without an answer makes it `unknown`.
 */
export class ClientMachine {
  readonly #parts: Parts
  readonly #errands: Errands
  readonly #targets: Targets
  readonly #dispatch: Dispatch
  readonly #refusals: Refusals
  readonly #inFlightMax: number
  #alarm = Number.POSITIVE_INFINITY

  constructor(options: ClientOptions) {
    const { random, seeds, self } = options
    const outbox = new Outbox()
    const dial = (address: string): void => outbox.emit({ type: 'dial', address })
    this.#parts = {
      random,
      outbox,
      peers: new Peers(seeds, random, self === undefined ? dial : undefined),
      routes: new Routes(random),
      nearest: new Nearest(),
      throttle: new Throttle(random),
      agenda: new Agenda()
    }
    this.#errands = new Errands(this.#parts)
    this.#targets = new Targets(this.#parts, self)
    this.#inFlightMax = options.inFlightMax ?? IN_FLIGHT_MAX
    this.#dispatch = new Dispatch(this.#parts, this.#errands, this.#targets)
    this.#refusals = new Refusals(this.#parts, this.#errands, this.#targets, this.#dispatch)
  }

  /** What it knows of the cluster; undefined before the first map came. */
  get view(): ClusterView | undefined {
    return this.#parts.routes.view
  }

  /** Calls without an answer. */
  get inFlight(): number {
    return this.#dispatch.calls.size
  }

  /** Whether some node refuses calls just now. */
  isShedding(now: number): boolean {
    return this.#parts.throttle.isActive(now)
  }

  /**
   * How long to wait, in ms, before a call that only the leader of `key` can answer; 0: it may be
   * made at once, and then as `admitted`. What a call does about it itself comes later and costs
   * more.
   */
  shedMs(kind: CallOperation['kind'], key: Uint8Array, now: number): number {
    return this.#dispatch.shedMs(kind, key, now)
  }

  /** Of mutations first sent now. */
  get session(): SessionId {
    return this.#dispatch.session
  }

  /** For messages: what stands between us and the cluster; empty when nothing does. */
  get situation(): string {
    const { peers, routes } = this.#parts
    if (peers.links.length === 0) return `no link${peers.trouble}`
    return routes.map === undefined ? 'no cluster map yet' : ''
  }

  /** Begins to look for a map without a call, as `call` would. */
  start(now: number): readonly ClientEffect[] {
    this.#errands.wantMap(now)
    return this.#settle()
  }

  /** `now` in milliseconds, monotonic. The effects are to be carried out in order. */
  step(input: ClientInput, now: number): readonly ClientEffect[] {
    switch (input.type) {
      case 'call':
        this.#call(input, now)
        break
      case 'cancel':
        this.#cancel(input.call, now)
        break
      case 'link-up':
        this.#parts.peers.up(input.node, now)
        this.#errands.linkUp(now)
        this.#dispatch.pumpAll(now)
        break
      case 'link-down':
        this.#linkDown(input.node, now)
        break
      case 'dial-failed':
        this.#parts.peers.dialFailed(input.address, now, input.reason)
        this.#dispatch.pumpAll(now)
        break
      case 'reply':
        this.#reply(input.node, input.reply, now)
        break
      case 'unsent':
        this.#unsent(input.node, input.request, now)
        break
      case 'view':
        if (this.#parts.routes.adopt(input.view, true)) {
          this.#errands.mapCame(now)
          this.#dispatch.mapCame(now)
        }
        break
      case 'leader': {
        const route = this.#parts.routes.of(input.group)
        this.#parts.routes.proved(route, input.node)
        this.#dispatch.pump(route, now)
        break
      }
      case 'wake':
        this.#wake(now)
        break
      default:
        unreachable(input)
    }
    return this.#settle()
  }

  #settle(): readonly ClientEffect[] {
    const { agenda, outbox } = this.#parts
    if (agenda.next < this.#alarm) {
      this.#alarm = agenda.next
      outbox.emit({ type: 'wake-at', at: this.#alarm })
    }
    return outbox.drain()
  }

  #wake(now: number): void {
    this.#alarm = Number.POSITIVE_INFINITY
    const { agenda } = this.#parts
    for (let due = agenda.take(now); due !== undefined; due = agenda.take(now)) {
      if (due.type === 'call') this.#attend(due, now)
      else if (due.type === 'errand') this.#errands.run(due, now)
      else this.#dispatch.pump(due, now)
    }
  }

  #call(input: ClientInput & { type: 'call' }, now: number): void {
    if (this.inFlight >= this.#inFlightMax) {
      const message = `${this.inFlight} calls are in flight already; wait for some to end`
      const failed = { ...failure('overloaded', message), retryAfterMs: OVERLOADED_RETRY_MS }
      const outcome: CallOutcome = { ok: false, failure: failed }
      this.#parts.outbox.emit({ type: 'complete', call: input.call, outcome })
      return
    }
    const call = newCall(input, now, this.#parts.random)
    this.#dispatch.calls.set(call.id, call)
    this.#errands.wantFreshMap(now)
    this.#dispatch.route(call, now)
  }

  /** The time of a call has come: its end, its next try, or the end of its patience. */
  #attend(call: Call, now: number): void {
    const { route } = call
    if (now >= call.deadline) this.#dispatch.fail(call, expired(call, this.situation), now)
    else if (route === undefined) this.#dispatch.route(call, now)
    else if (call.state === 'resting') this.#dispatch.wait(call, route, now)
    else this.#lose(call, route, now)
  }

  /** Patience is over. Its copies stay where they are; another node may know better. */
  #lose(call: Call, route: Route, now: number): void {
    const { routes, peers, nearest } = this.#parts
    call.patienceMs = Math.min(PATIENCE_MAX_MS, call.patienceMs * 2)
    call.impatientAt = now + call.patienceMs
    this.#dispatch.schedule(call)
    this.#errands.wantMap(now)
    call.refusers = NOBODY
    if (call.state === 'sent') {
      if (needsLeader(call)) route.suspect = true
      else for (const copy of call.copies) nearest.silent(copy.node, now - copy.sentAt, now)
      const node = this.#targets.another(call, route, now)
      if (node !== undefined) {
        sometimes('client: asks another node while one is silent')
        this.#dispatch.copy(call, { node, probing: false }, now)
      }
    } else if (route.leader !== undefined && !peers.isLinked(route.leader)) {
      routes.lost(route, route.leader)
    }
    if (route.probe?.purpose === call) route.probe = undefined
    this.#dispatch.pump(route, now)
  }

  #reply(node: NodeId, reply: Reply, now: number): void {
    const pending = this.#parts.outbox.take(node, reply.id)
    if (pending === undefined) return
    // Epochs of other clusters mean nothing here, and a map tells its cluster and epoch itself.
    const ours = reply.code !== 'wrong_cluster' && !isForMap(pending.purpose)
    if (ours) this.#errands.heard(reply.epoch, node, now)
    if (pending.purpose.type === 'errand') {
      this.#errandAnswered(pending.purpose, reply, now)
      return
    }
    const call = pending.purpose
    const route = call.route as Route
    this.#dispatch.dropCopy(call, route, pending)
    if (call.operation.kind === 'get' && !needsLeader(call) && reply.outcome === 'ok') {
      this.#parts.nearest.heard(node, now - pending.sentAt, now)
    }
    const answer = { call, route, node, reply }
    if (reply.outcome === 'ok') this.#accepted(answer, now)
    else if (reply.outcome === 'unknown') this.#leftOpen(answer, now)
    else this.#refusals.act(answer, now)
    this.#dispatch.pump(route, now)
  }

  /** That copy surely did nothing, and the node did not refuse it: its queue is waited for. */
  #unsent(node: NodeId, request: number, now: number): void {
    const pending = this.#parts.outbox.take(node, request)
    if (pending === undefined) return
    if (pending.purpose.type === 'errand') {
      this.#errands.lost(pending.purpose, now)
      return
    }
    const call = pending.purpose
    const route = call.route as Route
    this.#dispatch.dropCopy(call, route, pending)
    call.refusal = QUEUE_FULL
    this.#dispatch.rest(call, now, QUEUE_FULL.waitMs)
    this.#dispatch.pump(route, now)
  }

  #errandAnswered(errand: Errand, reply: Reply, now: number): void {
    if (!this.#errands.answered(errand, reply, now)) return
    if (errand.route === undefined) this.#dispatch.mapCame(now)
    else this.#dispatch.pump(errand.route, now)
  }

  #accepted(answer: Answer, now: number): void {
    const { call, route, node, reply } = answer
    let outcome: CallOutcome
    try {
      outcome = readOutcome(call, route, reply, this.#parts.routes.map?.settings.partitions ?? 1)
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      const bad = { ...reply, message: `bad answer: ${error.message}` }
      this.#leftOpen({ ...answer, reply: bad }, now)
      return
    }
    this.#parts.routes.saw(route.group, reply.applied, node)
    if (outcome.ok && 'lapse' in outcome && outcome.lapse !== undefined) {
      route.lapse = bothLapses(route.lapse, outcome.lapse)
    }
    if (outcome.ok && outcome.kind === 'transact') this.#transacted(call, outcome)
    if (call.operation.kind !== 'watch') {
      this.#parts.throttle.answered(node, loadOf(call.operation))
    }
    if (needsLeader(call)) this.#parts.routes.proved(route, node)
    this.#dispatch.complete(call, outcome, now)
  }

  #transacted({ route, plan = [] }: Call, { decision, groups }: Transacted): void {
    const { routes } = this.#parts
    for (const { group, applied } of groups) {
      if (group !== route?.group) routes.saw(group, applied, undefined)
    }
    if (decision.type !== 'aborted' || decision.why !== 'ended') return
    // Perhaps because the basis of a part was too old to open the session there: the next attempt
    // asks for another.
    for (const { group } of plan) if (group !== route?.group) routes.of(group).basis = undefined
  }

  /** This copy was handed over and its fate is not known there: the same bytes will find out. */
  #leftOpen(answer: Answer, now: number): void {
    const { call, route, node, reply } = answer
    sometimes('client: a node cannot tell what became of a write')
    if (isMutation(call)) call.inDoubt = true
    call.refusal = reply
    if (route.leader === node) this.#parts.routes.lost(route, node)
    this.#dispatch.rest(call, now)
  }

  #linkDown(node: NodeId, now: number): void {
    const { outbox, peers, routes } = this.#parts
    peers.down(node, now)
    for (const route of routes.all()) if (route.leader === node) routes.lost(route, node)
    for (const pending of outbox.takeAll(node)) {
      if (pending.purpose.type === 'errand') this.#errands.lost(pending.purpose, now)
      else this.#copyLost(pending.purpose, pending, now)
    }
    this.#dispatch.pumpAll(now)
  }

  #copyLost(call: Call, copy: Pending, now: number): void {
    const route = call.route as Route
    this.#dispatch.dropCopy(call, route, copy)
    sometimes('client: a link ends with calls on it')
    if (isMutation(call)) call.inDoubt = true
    if (call.state === 'sent' && call.copies.length === 0) this.#dispatch.wait(call, route, now)
  }

  #cancel(id: number, now: number): void {
    const call = this.#dispatch.calls.get(id)
    if (call === undefined) return
    sometimes('client: a caller stops waiting')
    const failed = abandoned(call)
    for (const copy of call.copies) this.#parts.outbox.cancel(copy)
    this.#dispatch.fail(call, failed, now)
  }
}

function isForMap(purpose: Call | Errand): boolean {
  return purpose.type === 'errand' && purpose.route === undefined
}
