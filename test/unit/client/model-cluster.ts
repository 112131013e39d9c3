import type { CallOutcome, ClientEffect, ClientInput } from '../../../src/client/inputs.ts'
import { ClientMachine } from '../../../src/client/machine.ts'
import { type Life, World } from '../../../src/simulation/world.ts'
import { ByteWriter, utf8, utf8Text } from '../../../src/wire/bytes.ts'
import type { ClusterView } from '../../../src/wire/cluster-map.ts'
import { encodeClusterView } from '../../../src/wire/cluster-map-codec.ts'
import { type Command, decodeCommand } from '../../../src/wire/command.ts'
import type { NodeId } from '../../../src/wire/ids.ts'
import { encodeRead } from '../../../src/wire/read-body.ts'
import type { Reply, Request } from '../../../src/wire/request.ts'
import { writeResult } from '../../../src/wire/result.ts'
import type { Random } from '../../../src/world/random.ts'
import { ModelGroup } from './model-group.ts'

export const NODES: readonly NodeId[] = ['nodeA', 'nodeB', 'nodeC']
const CLUSTER = '0123456789abcdef0123456789abcdef'
const PARTITIONS = 2
const EMPTY = new Uint8Array(0)
const STEPS_MAX = 100_000

/** Chances in percent. All zero: a perfect network of perfect nodes. */
export interface Faults {
  readonly loseRequest: number
  readonly loseReply: number
  readonly repeatReply: number
  readonly cutLink: number
  readonly refuse: number
  readonly leaveOpen: number
  readonly late: number
  readonly badAnswer: number
  readonly wrongHint: number
}

export const NO_FAULTS: Faults = {
  loseRequest: 0,
  loseReply: 0,
  repeatReply: 0,
  cutLink: 0,
  refuse: 0,
  leaveOpen: 0,
  late: 0,
  badAnswer: 0,
  wrongHint: 0
}

/** A client machine against model nodes in virtual time. */
export class ModelCluster {
  readonly world: World
  readonly machine: ClientMachine
  readonly groups: readonly ModelGroup[]
  readonly sent: { readonly node: NodeId; readonly request: Request }[] = []
  readonly cancelled: number[] = []
  readonly dialled: string[] = []
  readonly outcomes = new Map<number, CallOutcome[]>()
  readonly endedAt = new Map<number, number>()
  /** Nodes whose process is there. */
  readonly alive = new Set(NODES)
  /** Alive, linked, and silent. */
  readonly frozen = new Set<NodeId>()
  /** The epoch at which a node was cut off from the others, though not from the client. */
  readonly behind = new Map<NodeId, number>()
  /** What a node's links add each way, in ms. */
  readonly far = new Map<NodeId, number>()
  /** Entries that a node's replicas have not applied yet. */
  readonly lag = new Map<NodeId, number>()
  /** Members of no cluster yet. */
  readonly strangers = new Set<NodeId>()
  faults: Faults = NO_FAULTS
  onSend: (request: Request) => void = () => {}
  epoch = 1
  wakes = 0
  readonly #life: Life
  readonly #chance: Random
  /** Number of the present link to each node; absent: none. */
  readonly #links = new Map<NodeId, number>()
  #lastLink = 0
  #steps = 0
  #stopAlarm: () => void = () => {}

  constructor(seed: string, options: { inFlightMax?: number } = {}) {
    this.world = new World(seed)
    this.#life = this.world.life('client')
    this.#chance = this.world.random.fork('chance')
    const groups: ModelGroup[] = []
    for (const group of [0, 1, 2]) groups.push(new ModelGroup(NODES[group % 3] as NodeId, groups))
    this.groups = groups
    const seeds = NODES.map((node) => `/seed/${node}`)
    const random = this.world.random.fork('machine')
    this.machine = new ClientMachine({ random, seeds, ...options })
  }

  get now(): number {
    return this.world.now
  }

  step(input: ClientInput): void {
    // A machine that never rests would hang the test in place of failing it.
    if (++this.#steps > STEPS_MAX) throw new Error(`a hot loop at ${this.now} ms: ${input.type}`)
    this.#act(this.machine.step(input, this.now))
  }

  start(): void {
    this.#act(this.machine.start(this.now))
  }

  put(call: number, key: string, timeoutMs = 3_000): void {
    const operation = { type: 'put', key: utf8(key), value: utf8(`value ${call}`) } as const
    this.step({ type: 'call', call, operation: { kind: 'mutate', operation }, timeoutMs })
  }

  /** Puts a value of its own at each key, in one transaction. */
  putAll(call: number, keys: readonly string[], timeoutMs = 3_000): void {
    const value = utf8(`value ${call}`)
    const writes = keys.map((key) => ({ type: 'put', key: utf8(key), value }) as const)
    const operation = { kind: 'transact', checks: [], writes, inOrder: false } as const
    this.step({ type: 'call', call, operation, timeoutMs })
  }

  get(call: number, key: string, consistency: 'strong' | 'session' | 'eventual' = 'strong'): void {
    const operation = { kind: 'get', key: utf8(key), consistency } as const
    this.step({ type: 'call', call, operation, timeoutMs: 3_000 })
  }

  run(ms: number): void {
    this.world.runUntil(this.now + ms)
  }

  /** The outcome of a call that must have one by now, and only one. */
  outcome(call: number): CallOutcome {
    const all = this.outcomes.get(call) ?? []
    if (all.length !== 1) throw new Error(`call ${call} ended ${all.length} times`)
    return all[0] as CallOutcome
  }

  applications(call: number): number {
    let count = 0
    for (const group of this.groups) count += group.applications.get(`value ${call}`) ?? 0
    return count
  }

  /** Mutations sent, decoded. */
  commands(): Command[] {
    return this.sent
      .filter(({ request }) => request.kind === 'mutate')
      .map(({ request }) => decodeCommand(request.body))
  }

  view(epoch = this.epoch): ClusterView {
    const members = (first: number): { node: NodeId; replica: number; voter: true }[] =>
      NODES.map((_, i) => ({
        node: NODES[(first + i) % 3] as NodeId,
        replica: first * 3 + i + 1,
        voter: true
      }))
    const map = {
      clusterId: CLUSTER,
      epoch,
      clusterVersion: 1,
      settings: { partitions: PARTITIONS, replicas: 3, hash: 'xxh64-0' },
      nodes: NODES.map((id) => ({
        id,
        storeId: CLUSTER,
        addresses: [`/ip4/127.0.0.1/tcp/${NODES.indexOf(id) + 1}`],
        http: '',
        zone: '',
        state: 'up' as const
      })),
      placements: [0, 1, 2].map((group) => ({ group, members: members(group) })),
      nextReplica: 100
    } as const
    return {
      map,
      leaders: this.groups.map((group) => group.leader),
      unreachable: [],
      low: [],
      full: []
    }
  }

  link(node: NodeId): void {
    if (this.#links.has(node) || !this.alive.has(node)) return
    this.#links.set(node, ++this.#lastLink)
    this.step({ type: 'link-up', node })
  }

  cut(node: NodeId): void {
    if (this.#links.delete(node)) this.step({ type: 'link-down', node })
  }

  kill(node: NodeId): void {
    this.alive.delete(node)
    this.cut(node)
  }

  later(ms: number, run: () => void): void {
    this.world.schedule(this.#life, ms, 'model', run)
  }

  #act(effects: readonly ClientEffect[]): void {
    for (const effect of effects) {
      if (effect.type === 'send') this.#carry(effect.node, effect.request)
      else if (effect.type === 'cancel') this.cancelled.push(effect.id)
      else if (effect.type === 'dial') this.#dial(effect.address)
      else if (effect.type === 'wake-at') this.#alarm(effect.at)
      else {
        this.outcomes.set(effect.call, [...(this.outcomes.get(effect.call) ?? []), effect.outcome])
        this.endedAt.set(effect.call, this.now)
      }
    }
  }

  #alarm(at: number): void {
    this.#stopAlarm()
    this.#stopAlarm = this.#life.timers.after(Math.max(0, at - this.now), () => {
      this.wakes++
      this.step({ type: 'wake' })
    })
  }

  #dial(address: string): void {
    this.dialled.push(address)
    const node = NODES.find(
      (id, i) => address === `/seed/${id}` || address === `/ip4/127.0.0.1/tcp/${i + 1}/p2p/${id}`
    )
    this.later(2, () => {
      if (node !== undefined && this.alive.has(node)) this.link(node)
      else this.step({ type: 'dial-failed', address })
    })
  }

  #happens(percent: number): boolean {
    return percent > 0 && this.#chance.below(100) < percent
  }

  #carry(node: NodeId, request: Request): void {
    this.sent.push({ node, request })
    this.onSend(request)
    const link = this.#links.get(node)
    if (link === undefined || this.#happens(this.faults.loseRequest)) return
    const delay = 1 + this.#chance.below(4) + (this.far.get(node) ?? 0)
    if (this.#happens(this.faults.cutLink)) {
      this.later(delay + this.#chance.below(3) - 1, () => {
        if (this.faults.cutLink > 0) this.cut(node)
      })
    }
    const late = this.#happens(this.faults.late) ? this.#chance.below(4_000) : 0
    this.later(delay + late, () => {
      if (!this.alive.has(node) || this.frozen.has(node)) return
      this.#answer(node, link, this.#serve(node, request))
    })
  }

  #answer(node: NodeId, link: number, reply: Reply): void {
    if (this.#happens(this.faults.loseReply)) return
    const times = this.#happens(this.faults.repeatReply) ? 2 : 1
    for (let i = 0; i < times; i++) {
      this.later(1 + this.#chance.below(4) + (this.far.get(node) ?? 0), () => {
        if (this.#links.get(node) === link) this.step({ type: 'reply', node, reply })
      })
    }
  }

  #serve(node: NodeId, request: Request): Reply {
    const group = this.groups[request.group] as ModelGroup
    const epoch = this.strangers.has(node) ? 0 : (this.behind.get(node) ?? this.epoch)
    const base = { id: request.id, message: '', applied: 0, leader: '', epoch }
    const reply: Reply = { ...base, outcome: 'ok', code: '', waitMs: 0, body: EMPTY }
    const rejected = (code: Reply['code'], more: Partial<Reply> = {}): Reply => {
      return { ...reply, outcome: 'rejected', code, ...more }
    }
    if (epoch === 0) return rejected('not_leader')
    if (request.kind === 'map') return { ...reply, body: encodeClusterView(this.view(epoch)) }
    if (request.epoch < epoch) return rejected('wrong_epoch')
    if (request.kind === 'basis') return { ...reply, applied: group.applied }
    const any = request.kind === 'get' && request.consistency !== 'strong'
    if (group.leader !== node && !any) {
      return rejected('not_leader', { leader: this.#hint(group) })
    }
    if (this.#happens(this.faults.refuse)) {
      return this.#happens(50) ? rejected('unavailable') : rejected('overloaded', { waitMs: 30 })
    }
    if (request.kind === 'mutate') return this.#mutate(group, request, reply)
    const applied = group.applied - (this.lag.get(node) ?? 0)
    if (request.consistency === 'session' && applied < request.minApplied) {
      return rejected('not_leader', { leader: this.#hint(group) })
    }
    const record = group.records.get(utf8Text(request.body) ?? '')
    return { ...reply, applied, body: encodeRead(record, 0) }
  }

  #hint(group: ModelGroup): NodeId {
    if (this.#happens(this.faults.wrongHint)) return ['', ...NODES][this.#chance.below(4)] ?? ''
    return group.leader
  }

  #mutate(group: ModelGroup, request: Request, reply: Reply): Reply {
    const command = decodeCommand(request.body)
    const refusal = group.refusal(command)
    if (refusal !== undefined) return { ...reply, outcome: 'rejected', code: refusal }
    if (this.#happens(this.faults.leaveOpen)) {
      // A leader that steps down: the entry may survive it, and be applied much later.
      if (this.#happens(50)) this.later(this.#chance.below(6_000), () => group.apply(command))
      return { ...reply, outcome: 'unknown', code: 'unknown_outcome' }
    }
    const result = group.apply(command)
    if (typeof result === 'string') return { ...reply, outcome: 'rejected', code: result }
    const writer = new ByteWriter()
    writeResult(writer, result)
    const body = this.#happens(this.faults.badAnswer) ? Uint8Array.of(99) : writer.finish()
    return { ...reply, applied: group.applied, body }
  }
}
