import { lookup } from '../../../src/partition/transactional.ts'
import { encodeBody } from '../../../src/state/entry-body.ts'
import { loadSaved, NO_ROWS } from '../../../src/state/meta.ts'
import { StateMachine } from '../../../src/state/state-machine.ts'
import { Coordinator, type Transact } from '../../../src/transaction/coordinator.ts'
import type { Anchor, Courier, Hear, Told } from '../../../src/transaction/ports.ts'
import { Resolver } from '../../../src/transaction/resolver.ts'
import { utf8, utf8Text } from '../../../src/wire/bytes.ts'
import { type Command, decodeCommand, type Operation } from '../../../src/wire/command.ts'
import type { GroupId } from '../../../src/wire/ids.ts'
import type { Check, Part, TransactionRef } from '../../../src/wire/transaction.ts'
import { MapTable } from '../state/fixture.ts'

export const SESSION = 'a'.repeat(32)
const LOST: Told = { type: 'unknown' }

/** A command on its way to a group, or a question; whoever has it decides what becomes of it. */
export class Sent {
  readonly group: GroupId
  readonly bytes: Uint8Array
  readonly command: Command
  /** Of an anchor's leader to its own group: it stands in the log of that leader, or in none. */
  readonly isOwn: boolean
  readonly #hear: Hear
  readonly #stage: Stage

  constructor(stage: Stage, to: { group: GroupId; isOwn: boolean }, bytes: Uint8Array, hear: Hear) {
    this.#stage = stage
    this.group = to.group
    this.isOwn = to.isOwn
    this.bytes = bytes
    this.command = decodeCommand(bytes)
    this.#hear = hear
  }

  get type(): Operation['type'] {
    return this.command.operation.type
  }

  /** It is applied and answered. */
  deliver(): void {
    this.#hear(this.#stage.apply(this.group, this.bytes))
  }

  /** It is applied, and its answer lost. */
  loseReply(): void {
    this.#stage.apply(this.group, this.bytes)
    this.#hear(LOST)
  }

  lose(): void {
    this.#hear(LOST)
  }

  refuse(code = 'overloaded'): void {
    this.#hear(refused(code))
  }
}

export const refused = (code: string): Told => ({ type: 'refused', code, message: '', waitMs: 100 })

/** A coordinator and a resolver in front of true groups without replicas. */
export class Stage {
  now = 0
  /** Of all anchors: a group has one leader at a time here. */
  term = 1
  readonly groups: ReadonlyMap<GroupId, StateMachine>
  readonly tables = new Map<GroupId, MapTable>()
  sent: Sent[] = []
  /** Questions without an answer, in their order. */
  readonly asked: { readonly of: TransactionRef; readonly hear: Hear }[] = []
  /** What a group answers at once, if it does. */
  atOnce: ((command: Command) => Told | undefined) | undefined
  coordinator: Coordinator
  readonly resolver: Resolver
  readonly #courier: Courier
  #isFalling = false

  constructor(groups = 3) {
    const ids = Array.from({ length: groups }, (_, i) => i + 1)
    this.groups = new Map(ids.map((group) => [group, this.#open(group)]))
    this.#courier = {
      send: (group, bytes, _, hear) => this.#send({ group, isOwn: false }, bytes, hear)
    }
    this.coordinator = this.#newCoordinator()
    this.resolver = new Resolver(this.#courier, {
      outcome: (of, hear) => void this.asked.push({ of, hear })
    })
  }

  group(group: GroupId): StateMachine {
    return this.groups.get(group) as StateMachine
  }

  value(group: GroupId, key = 'n'): string | undefined {
    const record = this.group(group).read(utf8(key))
    return record === undefined ? undefined : utf8Text(record.value)
  }

  anchor(group: GroupId): Anchor {
    const state = this.group(group)
    const term = (): number => this.term
    return {
      group,
      get term() {
        return term()
      },
      record: (id) => state.transactions.record(id),
      records: () => state.transactions.records(),
      propose: (bytes, hear) => {
        const known = lookup(state, decodeCommand(bytes))
        if (this.#isFalling) hear(refused('not_leader'))
        else if (known === undefined) this.#send({ group, isOwn: true }, bytes, hear)
        else hear(toldBy(state, known))
      }
    }
  }

  /** Asks for a transaction at its anchor. Gives all that is told of it, in order. */
  begin(command: Transact): Told[] {
    const told: Told[] = []
    const [{ group } = { group: 0 }] = command.operation.parts
    const known = lookup(this.group(group), command)
    if (known !== undefined) return [toldBy(this.group(group), known)]
    this.coordinator.begin(this.anchor(group), command, (one) => told.push(one))
    return told
  }

  /** Takes the first of its kind that is on its way. */
  take(type: Operation['type'], group?: GroupId): Sent {
    const at = this.sent.findIndex((one) => {
      return one.type === type && (group === undefined || one.group === group)
    })
    if (at < 0) throw new Error(`no ${type} is on its way to ${group ?? 'anybody'}`)
    return this.sent.splice(at, 1)[0] as Sent
  }

  /** What is on its way, as `type@group`. */
  get onTheWay(): readonly string[] {
    return this.sent.map(({ type, group }) => `${type}@${group}`)
  }

  deliverAll(): void {
    for (let next = this.sent.shift(); next !== undefined; next = this.sent.shift()) next.deliver()
  }

  tick(ms: number): void {
    this.now += ms
    const led = [...this.groups.keys()].map((group) => this.anchor(group))
    this.coordinator.tick(led)
  }

  /** All anchors have another leader, on another node; what they had proposed nobody knows. */
  fall(): void {
    const before = this.coordinator
    this.term++
    this.coordinator = this.#newCoordinator()
    const lost = this.sent.filter((one) => one.isOwn)
    this.sent = this.sent.filter((one) => !one.isOwn)
    this.#isFalling = true
    for (const one of lost) one.lose()
    this.#isFalling = false
    for (const group of this.groups.keys()) before.leadershipChanged(group)
  }

  apply(group: GroupId, bytes: Uint8Array): Told {
    const state = this.group(group)
    const index = state.applied.index + 1
    const [answer] = state.apply(index, this.term, encodeBody(1_000 + this.now, [bytes]))
    if (answer === undefined || answer.type === 'blocked') return LOST
    return toldBy(state, answer)
  }

  #send(to: { group: GroupId; isOwn: boolean }, bytes: Uint8Array, hear: Hear): void {
    const told = this.atOnce?.(decodeCommand(bytes))
    if (told === undefined) this.sent.push(new Sent(this, to, bytes, hear))
    else hear(told)
  }

  #newCoordinator(): Coordinator {
    return new Coordinator(
      this.#courier,
      { monotonic: () => this.now, wall: () => this.now },
      1_000
    )
  }

  #open(group: GroupId): StateMachine {
    const table = new MapTable()
    this.tables.set(group, table)
    return new StateMachine({ group, table }, loadSaved(undefined, NO_ROWS))
  }
}

function toldBy(state: StateMachine, answer: ReturnType<StateMachine['lookup']> & object): Told {
  if (answer.type === 'rejected') return refused(answer.code)
  return { type: 'result', result: answer.result, applied: state.applied.index }
}

/** An increment of `n` in each of `groups`, guarded as told. */
export function transfer(
  seq: number,
  groups: readonly GroupId[],
  more: { by?: number; inOrder?: boolean; checks?: readonly Check[]; ackedUpTo?: number } = {}
): Transact {
  const { by = 1, inOrder = false, checks = [], ackedUpTo = seq - 1 } = more
  const writes = [{ type: 'increment', key: utf8('n'), by } as const]
  const parts = groups.map((group): Part => ({ group, basis: 0, checks, writes }))
  const numbers = { session: SESSION, seq, ackedUpTo, basis: 0 }
  return { ...numbers, operation: { type: 'transact', inOrder, parts } }
}
