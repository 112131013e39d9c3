import { failure } from '../wire/failure.ts'
import type { NodeId } from '../wire/ids.ts'
import type { Reply } from '../wire/request.ts'
import { sometimes } from '../world/sometimes.ts'
import {
  type Call,
  isMutation,
  loadOf,
  mayApply,
  needsLeader,
  type Route,
  refused
} from './calls.ts'
import type { Dispatch } from './dispatch.ts'
import type { Errands, Parts } from './errands.ts'
import { verdict } from './retry.ts'
import type { Targets } from './targets.ts'

const NOBODY: readonly NodeId[] = []

/** To one copy of a call. */
export interface Answer {
  readonly call: Call
  readonly route: Route
  readonly node: NodeId
  readonly reply: Reply
}

/** What becomes of a call one copy of which surely did nothing. */
export class Refusals {
  readonly #parts: Parts
  readonly #errands: Errands
  readonly #targets: Targets
  readonly #dispatch: Dispatch

  constructor(parts: Parts, errands: Errands, targets: Targets, dispatch: Dispatch) {
    this.#parts = parts
    this.#errands = errands
    this.#targets = targets
    this.#dispatch = dispatch
  }

  /** `answer` is a refusal. */
  act(answer: Answer, now: number): void {
    const { call, reply } = answer
    call.refusal = reply
    if (call.operation.kind === 'watch' && reply.code !== 'wrong_epoch') {
      // Its caller knows who else may tell.
      const { code, message } = reply
      const failed = code === 'invalid_argument' ? refused(call, reply) : undefined
      this.#dispatch.fail(call, failed ?? failure('unavailable', `${code}: ${message}`), now)
      return
    }
    switch (verdict(reply.code)) {
      case 'elsewhere':
        this.#elsewhere(answer, now)
        return
      case 'refresh':
        sometimes('client: its map is too old')
        this.#errands.wantMap(now)
        this.#dispatch.rest(call, now)
        return
      case 'later':
        this.#dispatch.rest(call, now)
        return
      case 'shed':
        this.#shed(answer, now)
        return
      case 'told':
        // A copy in doubt may have been applied: only an answer can say so.
        if (mayApply(call) || call.copies.length > 0) this.#dispatch.rest(call, now, reply.waitMs)
        else this.#dispatch.fail(call, refused(call, reply), now)
        return
      case 'renumber':
        // Its number is somebody else's, who alone may draw another.
        if (call.operation.kind === 'forward') {
          this.#stop(call, reply, now)
          return
        }
        sometimes('client: a command needs another number')
        this.#dispatch.renumber(call, now)
        return
      default:
        this.#stop(call, reply, now)
    }
  }

  /** Another copy may still be answered, and only that answer tells what happened. */
  #stop(call: Call, reply: Reply, now: number): void {
    if (isMutation(call) && call.copies.length > 0) {
      sometimes('client: one copy is refused and another is out')
      this.#dispatch.schedule(call)
    } else this.#dispatch.fail(call, refused(call, reply), now)
  }

  #elsewhere(answer: Answer, now: number): void {
    const { call, route, node, reply } = answer
    const { routes } = this.#parts
    if (needsLeader(call)) routes.refusedBy(route, reply, node, now)
    else if (route.leader === undefined && reply.leader !== '') routes.lead(route, reply.leader)
    if (route.leader === undefined) this.#errands.wantMap(now)
    if (!needsLeader(call)) {
      call.refusers = [...call.refusers, node]
      if (call.copies.length === 0 && !this.#targets.hasReplica(call, route)) {
        sometimes('client: no replica is as far as its session')
        call.refusers = NOBODY
        this.#dispatch.rest(call, now)
        return
      }
    }
    call.attempt++
    this.#dispatch.wait(call, route, now)
  }

  /** More tries would only be more load: the caller hears at once, and decides. */
  #shed({ call, route, node, reply }: Answer, now: number): void {
    // A replica that was asked tells its index, and speaks for its group alone.
    const load = loadOf(call.operation)
    if (reply.applied === 0) this.#parts.throttle.refused(node, load, reply.waitMs, now)
    if (mayApply(call) || call.copies.length > 0) {
      this.#dispatch.rest(call, now, reply.waitMs)
      return
    }
    if (!needsLeader(call)) {
      call.refusers = [...call.refusers, node]
      if (this.#targets.hasReplica(call, route)) {
        this.#dispatch.wait(call, route, now)
        return
      }
    }
    // Whether that one leads was not even looked at: the next call asks another.
    if (route.leader === undefined) this.#parts.routes.lost(route, node)
    this.#dispatch.fail(call, refused(call, reply), now)
  }
}
