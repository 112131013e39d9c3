import type { NodeId } from '../wire/ids.ts'
import type { Request } from '../wire/request.ts'
import type { Call, Errand, Pending } from './calls.ts'
import type { ClientEffect } from './inputs.ts'

/** What this step does to the outside, and which requests are without an answer. */
export class Outbox {
  #effects: ClientEffect[] = []
  #lastId = 0
  readonly #pending = new Map<number, Pending>()
  /** How many of them each node owes; none: no entry, or 0. */
  readonly #owed = new Map<NodeId, number>()

  emit(effect: ClientEffect): void {
    this.#effects.push(effect)
  }

  /** All effects since the last call, in order. */
  drain(): readonly ClientEffect[] {
    const effects = this.#effects
    this.#effects = []
    return effects
  }

  /** Ids rise for ever, over all links: a receiver can tell a repetition. */
  send(
    to: { readonly node: NodeId; readonly now: number },
    request: Omit<Request, 'id'>,
    purpose: Call | Errand
  ): Pending {
    const { node, now: sentAt } = to
    const pending: Pending = { id: ++this.#lastId, node, purpose, sentAt }
    this.#pending.set(pending.id, pending)
    this.#owed.set(node, this.owedBy(node) + 1)
    this.emit({ type: 'send', node, request: { id: pending.id, ...request } })
    return pending
  }

  /** Requests that `node` has not answered and is expected to. */
  owedBy(node: NodeId): number {
    return this.#owed.get(node) ?? 0
  }

  /** The request that `node` answers; undefined when nobody waits for that answer. */
  take(node: NodeId, id: number): Pending | undefined {
    const pending = this.#pending.get(id)
    if (pending === undefined || pending.node !== node) return undefined
    this.forget(pending)
    return pending
  }

  /** Its answer will be passed over. */
  forget(pending: Pending): void {
    if (!this.#pending.delete(pending.id)) return
    this.#owed.set(pending.node, this.owedBy(pending.node) - 1)
  }

  /** Tells the node, too. */
  cancel(pending: Pending): void {
    this.forget(pending)
    this.emit({ type: 'cancel', node: pending.node, id: pending.id })
  }

  /** All that `node` will not answer any more, oldest first. */
  takeAll(node: NodeId): Pending[] {
    const lost: Pending[] = []
    for (const pending of this.#pending.values()) if (pending.node === node) lost.push(pending)
    for (const pending of lost) this.forget(pending)
    return lost
  }
}
