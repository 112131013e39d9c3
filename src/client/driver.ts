import type { Link, PeerId, Transport } from '../transport/transport.ts'
import { Malformed } from '../wire/bytes.ts'
import type { ClusterView } from '../wire/cluster-map.ts'
import { failure } from '../wire/failure.ts'
import { decodeFrame, FRAME } from '../wire/frame.ts'
import { CLIENT_HELLO, decodeHello, encodeHello, speaks } from '../wire/hello.ts'
import type { GroupId, NodeId } from '../wire/ids.ts'
import type { Reply, Request } from '../wire/request.ts'
import { decodeReply, encodeCancel, encodeRequest } from '../wire/request-codec.ts'
import { unreachable } from '../world/assert.ts'
import type { Cancel, Clock, Timers } from '../world/clock.ts'
import type { Random } from '../world/random.ts'
import type {
  CallOperation,
  CallOutcome,
  ClientEffect,
  ClientInput,
  ClientOptions
} from './inputs.ts'
import { ClientMachine } from './machine.ts'
import { Turns } from './turns.ts'

/** What calls still in flight may take after `close` before they are given up. */
const GRACE_MS = 5_000
/** A node that owes answers and says nothing for so long is called anew: its link may be dead. */
const SILENCE_MS = 3_000

export interface DriverOptions extends ClientOptions {
  /** Not started yet; `close` stops it. */
  readonly transport: Transport
  readonly timers: Timers
  readonly clock: Clock
}

export interface DriverCall {
  readonly timeoutMs: number
  readonly trace?: string
  readonly principal?: string
  /** `shedMs` let it pass already. */
  readonly admitted?: boolean
}

/**
 * A client machine with its hands: a transport, a clock and timers. Synchronous; the real client,
 * the one inside a node and the simulated ones differ only in what is passed here.
 */
export class ClientDriver {
  readonly #machine: ClientMachine
  readonly #transport: Transport
  readonly timers: Timers
  readonly clock: Clock
  /** For those who make calls through it. */
  readonly random: Random
  /** Of all transactions through it. */
  readonly turns = new Turns()
  readonly #done = new Map<number, (outcome: CallOutcome) => void>()
  readonly #linked = new Set<PeerId>()
  /** Since when a node owes us something, if it said nothing since. */
  readonly #owing = new Map<PeerId, number>()
  #effects: ClientEffect[] = []
  #acting = false
  #lastCall = 0
  #stopAlarm: Cancel = () => {}
  #onReady: (() => void) | undefined
  #phase: 'open' | 'draining' | 'stopping' | 'closed' = 'open'
  readonly #onClosed: (() => void)[] = []

  constructor(options: DriverOptions) {
    this.#machine = new ClientMachine(options)
    this.#transport = options.transport
    this.timers = options.timers
    this.clock = options.clock
    this.random = options.random.fork('calls')
  }

  /** What the client knows of the cluster; undefined until the first map came. */
  get view(): ClusterView | undefined {
    return this.#machine.view
  }

  /** For messages: what stands between this client and its cluster; may be empty. */
  get situation(): string {
    return this.#machine.situation
  }

  /** Calls without an answer. */
  get inFlight(): number {
    return this.#done.size
  }

  /** Begins to look for the cluster; `onReady` once its map is known. Requires: called once. */
  start(onReady: () => void): void {
    this.#onReady = onReady
    this.#transport.start({
      hello: () => encodeHello({ ...CLIENT_HELLO, clusterId: this.view?.map.clusterId ?? '' }),
      up: (link) => this.#up(link),
      frame: (peer, frame) => this.#frame(peer, frame),
      down: (peer) => {
        this.#owing.delete(peer)
        if (this.#linked.delete(peer)) this.#step({ type: 'link-down', node: peer })
      },
      dialFailed: (address, reason) => this.#step({ type: 'dial-failed', address, reason })
    })
    this.#act(this.#machine.start(this.clock.monotonic()))
  }

  /** Whether some node refuses calls just now. */
  get isShedding(): boolean {
    return this.#machine.isShedding(this.clock.monotonic())
  }

  /** See ClientMachine.shedMs. */
  shedMs(kind: CallOperation['kind'], key: Uint8Array): number {
    return this.#machine.shedMs(kind, key, this.clock.monotonic())
  }

  /**
   * `done` is called once, possibly before this returns. The result gives the call up: `done` then
   * hears what is certain about it. Keys and values must not change until `done`.
   */
  call(
    operation: CallOperation,
    options: DriverCall,
    done: (outcome: CallOutcome) => void
  ): Cancel {
    if (this.#phase !== 'open') {
      done({ ok: false, failure: failure('closed', 'this client was closed; open another one') })
      return () => {}
    }
    const call = ++this.#lastCall
    this.#done.set(call, done)
    this.#step({ type: 'call', call, operation, ...options })
    return () => this.#step({ type: 'cancel', call })
  }

  /** For a client inside a node: what the node learned of the cluster. */
  learn(view: ClusterView): void {
    this.#step({ type: 'view', view })
  }

  /** Likewise: since now `node` leads `group`. */
  lead(group: GroupId, node: NodeId): void {
    this.#step({ type: 'leader', group, node })
  }

  /**
   * Refuses new calls, waits for those in flight, gives up what is left after `graceMs`, and stops
   * the transport; then `done`. May be called again.
   */
  close(done: () => void, graceMs = GRACE_MS): void {
    if (this.#phase === 'closed') {
      done()
      return
    }
    this.#onClosed.push(done)
    if (this.#phase !== 'open') return
    this.#phase = 'draining'
    this.#onReady = undefined
    const cancel = this.timers.after(graceMs, () => this.#giveUp())
    this.#onClosed.push(cancel)
    this.#stopWhenDrained()
  }

  #giveUp(): void {
    for (const call of [...this.#done.keys()]) this.#step({ type: 'cancel', call })
  }

  #stopWhenDrained(): void {
    if (this.#phase !== 'draining' || this.#done.size > 0) return
    this.#phase = 'stopping'
    this.#stopAlarm()
    this.#transport.stop(() => {
      this.#phase = 'closed'
      for (const done of this.#onClosed.splice(0)) done()
    })
  }

  #step(input: ClientInput): void {
    if (this.#phase === 'stopping' || this.#phase === 'closed') return
    this.#act(this.#machine.step(input, this.clock.monotonic()))
  }

  /** In order, also when `done` makes the next call: an older alarm never replaces a newer. */
  #act(effects: readonly ClientEffect[]): void {
    for (const effect of effects) this.#effects.push(effect)
    if (this.#acting) return
    this.#acting = true
    for (let next = 0; next < this.#effects.length; next++) {
      this.#perform(this.#effects[next] as ClientEffect)
    }
    this.#effects = []
    this.#acting = false
    if (this.#onReady !== undefined && this.view !== undefined) {
      const onReady = this.#onReady
      this.#onReady = undefined
      onReady()
    }
    this.#stopWhenDrained()
  }

  #perform(effect: ClientEffect): void {
    switch (effect.type) {
      case 'send':
        this.#send(effect.node, effect.request)
        return
      case 'cancel':
        this.#transport.send(effect.node, encodeCancel(effect.id))
        return
      case 'complete': {
        const done = this.#done.get(effect.call)
        this.#done.delete(effect.call)
        done?.(effect.outcome)
        return
      }
      case 'dial':
        this.#transport.dial(effect.address)
        return
      case 'wake-at':
        this.#stopAlarm()
        this.#stopAlarm = this.timers.after(Math.max(0, effect.at - this.clock.monotonic()), () =>
          this.#wake()
        )
        return
      default:
        unreachable(effect)
    }
  }

  #wake(): void {
    const silentSince = this.clock.monotonic() - SILENCE_MS
    for (const [peer, since] of this.#owing) {
      if (since < silentSince) this.#transport.close(peer, 'silent')
    }
    this.#step({ type: 'wake' })
  }

  #send(node: PeerId, request: Request): void {
    if (this.#transport.send(node, encodeRequest(request))) {
      // A question that waits for others may rightly have no answer for long.
      const owes = request.kind !== 'await-grant'
      if (owes && !this.#owing.has(node)) this.#owing.set(node, this.clock.monotonic())
      return
    }
    this.#step({ type: 'unsent', node, request: request.id })
  }

  #up(link: Link): void {
    if (link.role !== 'node') return
    const objection = this.#objection(link)
    if (objection !== undefined) {
      this.#transport.close(link.peer, objection)
      return
    }
    this.#linked.add(link.peer)
    this.#step({ type: 'link-up', node: link.peer })
  }

  #objection(link: Link): string | undefined {
    try {
      const { version, clusterId } = decodeHello(link.hello)
      if (!speaks(version)) return 'protocol version'
      const own = this.view?.map.clusterId
      const foreign = own !== undefined && clusterId !== '' && clusterId !== own
      return foreign ? 'wrong_cluster' : undefined
    } catch (error) {
      if (error instanceof Malformed) return `malformed hello: ${error.message}`
      throw error
    }
  }

  #frame(peer: PeerId, bytes: Uint8Array): void {
    if (!this.#linked.has(peer)) return
    this.#owing.delete(peer)
    let reply: Reply
    try {
      const { kind, head, body } = decodeFrame(bytes)
      // Kinds that a later version tells its clients on its own account.
      if (kind !== FRAME.reply) return
      reply = decodeReply(head, body)
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      this.#transport.close(peer, `malformed frame: ${error.message}`)
      return
    }
    this.#step({ type: 'reply', node: peer, reply })
  }
}
