import { encodeCommand } from '../wire/command.ts'
import { type Failure, failure } from '../wire/failure.ts'
import { type NodeId, type SessionId, SYSTEM_GROUP } from '../wire/ids.ts'
import { TIMEOUT_MS_MAX } from '../wire/limits.ts'
import { assert } from '../world/assert.ts'
import {
  type Call,
  consistencyOf,
  doubtful,
  floorOf,
  loadOf,
  mayApply,
  type Pending,
  type Route,
  shedHere
} from './calls.ts'
import type { Errands, Parts } from './errands.ts'
import type { CallOperation, CallOutcome } from './inputs.ts'
import { transactionOf } from './read-outcome.ts'
import { backOff } from './retry.ts'
import { Session } from './session.ts'
import type { Target, Targets } from './targets.ts'

/** As what a call travels. */
const KINDS = {
  get: 'get',
  scan: 'scan',
  mutate: 'mutate',
  transact: 'mutate',
  forward: 'mutate',
  outcome: 'outcome',
  lock: 'mutate',
  'lock-view': 'lock',
  'await-grant': 'await-grant',
  watch: 'watch',
  position: 'position'
} as const

/**
 * A session that is left behind keeps its last results in the groups it was used in, for a million
 * entries and ten minutes: not many may be.
 */
const RETIRE_EVERY_MS = 60_000

/** Moves calls from waiting to sent to resting to their end, and numbers the mutations. */
export class Dispatch {
  /** Those without an answer, by id. */
  readonly calls = new Map<number, Call>()
  readonly #parts: Parts
  readonly #errands: Errands
  readonly #targets: Targets
  readonly #unrouted = new Set<Call>()
  #session: Session
  /** When a session may be left behind again. */
  #retireFrom = Number.NEGATIVE_INFINITY

  constructor(parts: Parts, errands: Errands, targets: Targets) {
    this.#parts = parts
    this.#errands = errands
    this.#targets = targets
    this.#session = new Session(parts.random)
  }

  /** Of mutations first sent now. */
  get session(): SessionId {
    return this.#session.id
  }

  /** Finds the group of a call; without a map it waits for one. */
  route(call: Call, now: number): void {
    const { map } = this.#parts.routes
    if (map === undefined) {
      this.#unrouted.add(call)
      this.#errands.wantMap(now)
      this.#parts.agenda.set(call, call.deadline)
      return
    }
    call.route = this.#parts.routes.routeOf(call, map)
    this.wait(call, call.route, now)
  }

  /** Sends the call as soon as there is a way. */
  wait(call: Call, route: Route, now: number): void {
    call.state = 'waiting'
    call.impatientAt = now + call.patienceMs
    route.waiting.add(call)
    this.schedule(call)
    this.#try(call, route, now)
  }

  /** Sends the call again after a wait. */
  rest(call: Call, now: number, waitMs = 0): void {
    call.state = 'resting'
    call.route?.waiting.delete(call)
    call.resumeAt = now + Math.max(waitMs, backOff(call.attempt++, this.#parts.random))
    this.schedule(call)
  }

  /** Sets the alarm of a call by its state. */
  schedule(call: Call): void {
    const at = call.state === 'resting' ? call.resumeAt : call.impatientAt
    this.#parts.agenda.set(call, Math.min(call.deadline, at))
  }

  pumpAll(now: number): void {
    for (const route of this.#parts.routes.all()) this.pump(route, now)
  }

  /** Something changed on the way to this group: whoever waits may go. */
  pump(route: Route, now: number): void {
    for (const call of route.waiting) this.#try(call, route, now)
    if (route.basis === undefined) return
    for (const call of route.unencoded) {
      route.unencoded.delete(call)
      if (call.state === 'waiting') this.#try(call, call.route as Route, now)
    }
  }

  /** Whether a basis is known of each group that a mutation is for; asks for those that lack. */
  #hasBases(call: Call, route: Route, now: number): boolean {
    if (call.plan === undefined) {
      if (route.basis === undefined) this.#errands.wantBasis(route, now)
      return route.basis !== undefined
    }
    let lacking = 0
    for (const { group } of call.plan) {
      const part = this.#parts.routes.of(group)
      if (part.basis !== undefined) continue
      lacking++
      part.unencoded.add(call)
      this.#errands.wantBasis(part, now)
    }
    return lacking === 0
  }

  #try(call: Call, route: Route, now: number): void {
    if (call.body === undefined && !this.#hasBases(call, route, now)) return
    const target = this.#targets.next(call, route, now)
    if (target === undefined) return
    if (target === 'lost') {
      this.fail(call, failure('unavailable', 'there is no link to the node that was asked'), now)
      return
    }
    const waitMs = this.#shedMs(call, target.node, now)
    if (waitMs > 0) this.fail(call, shedHere(waitMs), now)
    else this.copy(call, target, now)
  }

  /** See ClientMachine.shedMs. */
  shedMs(kind: CallOperation['kind'], key: Uint8Array, now: number): number {
    const { routes, throttle } = this.#parts
    const leader = routes.leaderFor(key)
    return leader === undefined ? 0 : throttle.waitMs(leader, loadOf({ kind }), now)
  }

  /** What may have happened already has to be found out, and a node must always get its place. */
  #shedMs(call: Call, node: NodeId, now: number): number {
    if (call.admitted || call.inDoubt || call.copies.length > 0) return 0
    if (call.route?.group === SYSTEM_GROUP) return 0
    return this.#parts.throttle.waitMs(node, loadOf(call.operation), now)
  }

  /** Sends one copy. */
  copy(call: Call, target: Target, now: number): void {
    const { outbox, routes } = this.#parts
    const route = call.route as Route
    const { operation } = call
    const consistency = consistencyOf(operation)
    call.body ??= this.#encode(call, route)
    const left = Math.min(TIMEOUT_MS_MAX, Math.max(1, Math.ceil(call.deadline - now)))
    const request = {
      kind: KINDS[operation.kind],
      clusterId: routes.map?.clusterId ?? '',
      group: route.group,
      epoch: routes.epoch,
      timeoutMs: left,
      consistency,
      minApplied: consistency === 'session' ? floorOf(operation, route).applied : 0,
      principal: call.principal,
      trace: call.trace,
      body: call.body
    }
    const copy = outbox.send({ node: target.node, now }, request, call)
    call.copies.push(copy)
    if (target.probing) route.probe = copy
    route.waiting.delete(call)
    call.state = 'sent'
    call.impatientAt = now + call.patienceMs
    this.schedule(call)
  }

  /** The one encoding of a mutation: all its copies are these bytes. */
  #encode(call: Call, route: Route): Uint8Array {
    const ticket = this.#session.draw()
    call.ticket = ticket
    const basisOf = ({ group, basis = 0 }: Route): number =>
      ticket.session.basis(ticket, group, basis)
    const numbers = { session: ticket.session.id, seq: ticket.seq, ackedUpTo: ticket.ackedUpTo }
    const { operation, plan } = call
    if (operation.kind === 'mutate' || operation.kind === 'lock') {
      return encodeCommand({ ...numbers, basis: basisOf(route), operation: operation.operation })
    }
    assert(operation.kind === 'transact' && plan !== undefined, `${operation.kind} has no number`)
    const parts = plan.map(({ group, checks, writes }) => {
      return { group, basis: basisOf(this.#parts.routes.of(group)), checks, writes }
    })
    const { inOrder, keyed } = operation
    const basis = parts[0]?.basis ?? 0
    const once = keyed === undefined ? {} : { keyed }
    const transact = { type: 'transact', inOrder, parts, ...once } as const
    return encodeCommand({ ...numbers, basis, operation: transact })
  }

  /** Calls without a group get one, and every way is looked at again. */
  mapCame(now: number): void {
    for (const call of this.#unrouted) {
      this.#unrouted.delete(call)
      this.route(call, now)
    }
    this.pumpAll(now)
  }

  /** `copy` was answered, or never will be. */
  dropCopy(call: Call, route: Route, copy: Pending): void {
    call.copies = call.copies.filter((other) => other !== copy)
    if (route.probe === copy) route.probe = undefined
  }

  /**
   * The group does not know the session and the basis is too old to open it. If surely no copy was
   * applied, the call starts over under another number; the old one is never sent again.
   */
  renumber(call: Call, now: number): void {
    // Groups not used for as long would refuse next: their bases are as old.
    for (const route of this.#parts.routes.all()) route.basis = undefined
    if (call.copies.length > 0) {
      this.schedule(call)
      return
    }
    if (mayApply(call)) {
      this.fail(call, doubtful('the session ended before an answer came'), now)
      return
    }
    const session = call.ticket?.session
    session?.end(call.ticket?.seq ?? 0)
    if (session === this.#session) this.#session = new Session(this.#parts.random)
    call.ticket = undefined
    call.body = undefined
    this.rest(call, now)
  }

  fail(call: Call, failed: Failure, now: number): void {
    const id = failed.outcome === 'unknown' ? transactionOf(call) : undefined
    this.complete(call, { ok: false, failure: failed, ...(id === undefined ? {} : { id }) }, now)
  }

  /** The one end of every call. */
  complete(call: Call, outcome: CallOutcome, now: number): void {
    const { agenda, outbox } = this.#parts
    const { route } = call
    this.calls.delete(call.id)
    this.#unrouted.delete(call)
    for (const { group } of call.plan ?? []) this.#parts.routes.of(group).unencoded.delete(call)
    agenda.remove(call)
    for (const copy of call.copies) outbox.forget(copy)
    this.#leave(call, outcome, now)
    outbox.emit({ type: 'complete', call: call.id, outcome })
    if (route === undefined) return
    route.waiting.delete(call)
    if (route.probe?.purpose !== call) return
    route.probe = undefined
    this.pump(route, now)
  }

  /**
   * Nobody waits for the number of `call` any more. Of a transaction whose outcome nobody knows it
   * stays open, and with it what the anchor remembers: it can be asked for until the session, which
   * gets no more numbers, is forgotten for want of use.
   */
  #leave({ operation, ticket }: Call, outcome: CallOutcome, now: number): void {
    if (ticket === undefined) return
    const { session, seq } = ticket
    const isOpen = !outcome.ok && outcome.failure.outcome === 'unknown'
    if (isOpen && operation.kind === 'transact') {
      if (session !== this.#session) return
      if (now >= this.#retireFrom) {
        this.#retireFrom = now + RETIRE_EVERY_MS
        this.#session = new Session(this.#parts.random)
        return
      }
    }
    session.end(seq)
  }
}
