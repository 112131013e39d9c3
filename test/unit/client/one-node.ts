import { ClientDriver } from '../../../src/client/driver.ts'
import { type Life, World } from '../../../src/simulation/world.ts'
import type { Transport, TransportHandlers } from '../../../src/transport/transport.ts'
import { ByteWriter, concatBytes, utf8 } from '../../../src/wire/bytes.ts'
import { encodeClusterView } from '../../../src/wire/cluster-map-codec.ts'
import { decodeCommand, type Operation } from '../../../src/wire/command.ts'
import { isDataOperation } from '../../../src/wire/data-operation.ts'
import { decodeFrame, FRAME } from '../../../src/wire/frame.ts'
import { CLIENT_HELLO, encodeHello, type Hello } from '../../../src/wire/hello.ts'
import { encodeRead } from '../../../src/wire/read-body.ts'
import type { Reply, Request } from '../../../src/wire/request.ts'
import { decodeRequest, encodeReply } from '../../../src/wire/request-codec.ts'
import { type Result, writeResult } from '../../../src/wire/result.ts'
import { hex } from '../../../src/wire/session-id.ts'

const NODE = 'node1'
const ID = 'a'.repeat(32)
const HELLO: Hello = { ...CLIENT_HELLO, client: false, nodeId: NODE, clusterId: ID, storeId: ID }

interface Stored {
  readonly value: Uint8Array
  readonly revision: number
  readonly expiresAt?: number
}

/** One model node behind a transport in virtual time, and a driver that talks to it. */
export class OneNode implements Transport {
  readonly self = 'client1'
  readonly world = new World('one node')
  readonly life: Life = this.world.life('client')
  readonly driver: ClientDriver
  readonly requests: Request[] = []
  readonly closed: string[] = []
  readonly cancels: number[] = []
  readonly records = new Map<string, Stored>()
  hello: Hello = HELLO
  /** Refuses to queue what is sent. */
  full = false
  /** Answers nothing. */
  silent = false
  stops = 0
  #handlers: TransportHandlers | undefined
  #linked = false
  #counter = 0

  constructor() {
    this.driver = new ClientDriver({
      random: this.life.random,
      seeds: ['/ip4/127.0.0.1/tcp/1'],
      transport: this,
      timers: this.life.timers,
      clock: this.life.clock
    })
  }

  get now(): number {
    return this.world.now
  }

  run(ms: number): void {
    this.world.runUntil(this.now + ms)
  }

  fill(): number {
    return this.full ? 1 : 0
  }

  addresses(): readonly string[] {
    return []
  }

  start(handlers: TransportHandlers): void {
    this.#handlers = handlers
  }

  dial(address: string): void {
    this.#later(() => {
      if (this.#linked) return
      this.#linked = true
      this.#handlers?.up({ peer: NODE, role: 'node', hello: encodeHello(this.hello), address })
    })
  }

  send(_peer: string, parts: readonly Uint8Array[]): boolean {
    if (!this.#linked || this.full) return false
    const { kind, head, body } = decodeFrame(concatBytes(parts))
    if (kind === FRAME.cancel) this.cancels.push(Number(head[1]))
    if (kind !== FRAME.request) return true
    const request = decodeRequest(head, body)
    this.requests.push(request)
    if (!this.silent)
      this.#later(() => this.deliver(concatBytes(encodeReply(this.#serve(request)))))
    return true
  }

  /** A frame from the node. */
  deliver(frame: Uint8Array): void {
    if (this.#linked) this.#handlers?.frame(NODE, frame, 'main')
  }

  close(peer: string, reason: string): void {
    this.closed.push(reason)
    this.#linked = false
    this.#later(() => this.#handlers?.down(peer, reason))
  }

  stop(done: () => void): void {
    this.stops++
    this.#later(done)
  }

  #later(run: () => void): void {
    this.world.schedule(this.life, 1, 'node', run)
  }

  #serve(request: Request): Reply {
    const reply: Reply = {
      id: request.id,
      outcome: 'ok',
      code: '',
      message: '',
      applied: this.#counter + 1,
      leader: '',
      epoch: 1,
      waitMs: 0,
      body: new Uint8Array(0)
    }
    if (request.kind === 'map') return { ...reply, body: this.#view() }
    if (request.kind === 'basis') return reply
    if (request.kind === 'get') {
      return { ...reply, body: encodeRead(this.records.get(hex(request.body)), this.now) }
    }
    const writer = new ByteWriter()
    writeResult(writer, this.#apply(decodeCommand(request.body).operation))
    return { ...reply, body: writer.finish() }
  }

  #view(): Uint8Array {
    const members = [{ replica: 1, node: NODE, voter: true }]
    const place = { addresses: [], http: '', zone: '', state: 'up' } as const
    const map = {
      clusterId: ID,
      epoch: 1,
      clusterVersion: 1,
      settings: { partitions: 1, replicas: 1, hash: 'xxh64-0' },
      nodes: [{ id: NODE, storeId: ID, ...place }],
      placements: [0, 1].map((group) => ({ group, members })),
      nextReplica: 2
    } as const
    return encodeClusterView({ map, leaders: [NODE, NODE], unreachable: [], low: [], full: [] })
  }

  #apply(operation: Operation): Result {
    if (!isDataOperation(operation)) return { type: 'refused', reason: 'no key' }
    const key = hex(operation.key)
    const stored = this.records.get(key)
    const { ifRevision } = operation
    if (ifRevision !== undefined && ifRevision !== (stored?.revision ?? 0)) {
      return { type: 'conflict', revision: stored?.revision ?? 0 }
    }
    const revision = ++this.#counter
    switch (operation.type) {
      case 'put':
      case 'touch': {
        if (operation.type === 'touch' && stored === undefined) return { type: 'absent' }
        const { ttlMs } = operation
        const value = operation.type === 'put' ? operation.value.slice() : stored?.value
        const expiry = ttlMs === undefined ? {} : { expiresAt: this.now + ttlMs }
        this.records.set(key, { value: value as Uint8Array, revision, ...expiry })
        return { type: 'written', revision }
      }
      case 'delete':
        return this.records.delete(key) ? { type: 'deleted', revision } : { type: 'absent' }
      case 'increment': {
        const text = stored === undefined ? '0' : new TextDecoder().decode(stored.value)
        if (!/^-?\d+$/.test(text)) return { type: 'not-a-number' }
        const value = Number(text) + operation.by
        this.records.set(key, { value: utf8(String(value)), revision })
        return { type: 'counted', value, revision }
      }
      default:
        return { type: 'refused', reason: 'no key' }
    }
  }
}
