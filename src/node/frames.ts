import { type Answered, rejected } from '../partition/answer.ts'
import { decodeGroupMessages } from '../raft/codec.ts'
import type { Channel, DialFailure, Link, PeerId, Transport } from '../transport/transport.ts'
import { Malformed } from '../wire/bytes.ts'
import type { ClusterMap } from '../wire/cluster-map.ts'
import {
  decodeClusterView,
  decodeNodeRecord,
  encodeClusterView
} from '../wire/cluster-map-codec.ts'
import { decodeCommand } from '../wire/command.ts'
import { asBytes, asTuple } from '../wire/fields.ts'
import { decodeFrame, FRAME, type Frame } from '../wire/frame.ts'
import { encodeHello, type Hello, PROTOCOL_VERSION } from '../wire/hello.ts'
import { SYSTEM_GROUP } from '../wire/ids.ts'
import { FRAME_HEAD_BYTES_MAX } from '../wire/limits.ts'
import {
  type DigestClaim,
  decodeConfirm,
  decodeConfirmReply,
  decodeDigests,
  decodeFreshness,
  decodeFreshnessReply,
  decodeRefused,
  decodeSnapshotChunk,
  decodeSnapshotReply,
  decodeStatus,
  encodeConfirmReply,
  encodeDigests,
  encodeMapPush,
  encodeRefused,
  encodeStatus
} from '../wire/node-frames.ts'
import type { Request } from '../wire/request.ts'
import { decodeCancel, decodeRequest, encodeReply } from '../wire/request-codec.ts'
import { sometimes } from '../world/sometimes.ts'
import { UnusableData } from './identity.ts'
import type { NodeMachine } from './machine.ts'
import type { Self } from './membership.ts'
import { OncePerLink } from './once.ts'

/** Statuses come every second: a link on which nothing came for so long leads nowhere any more. */
const SILENCE_MS_MAX = 5_000

/** What fits a frame's head with room to spare. */
const CLAIMS_PER_FRAME = 1_000

/** Sorts what links bring to the parts it is for, and says of this node what others must know. */
export class Frames {
  readonly #node: NodeMachine
  readonly #transport: Transport
  readonly #bootNonce: number
  readonly #learn: (map: ClusterMap) => void
  #toldAt = 0
  readonly #once = new OncePerLink()
  readonly #heardAt = new Map<PeerId, number>()

  constructor(
    node: NodeMachine,
    transport: Transport,
    bootNonce: number,
    learn: (map: ClusterMap) => void
  ) {
    this.#node = node
    this.#transport = transport
    this.#bootNonce = bootNonce
    this.#learn = learn
  }

  ownHello(self: Self): Hello {
    const { membership } = this.#node
    const { clusterId, nodeId, storeId, bootCount } = membership.identity
    return {
      version: PROTOCOL_VERSION,
      client: false,
      clusterId,
      nodeId,
      storeId,
      bootCount,
      bootNonce: this.#bootNonce,
      durableSequence: this.#node.keeping.log.durableSequence,
      epoch: membership.map?.epoch ?? 0,
      bootstrap: membership.wantsToForm,
      expect: membership.expects,
      ...self
    }
  }

  hello(self: Self): Uint8Array {
    return encodeHello(this.ownHello(self))
  }

  up(link: Link, hello: Hello): void {
    const { mesh, inside } = this.#node
    this.#once.open(link.peer)
    this.#node.links.up(link)
    if (link.role === 'client') return
    this.#heardAt.set(link.peer, this.#node.host.clock.monotonic())
    mesh.up(link)
    mesh.want({ node: link.peer, addresses: hello.addresses })
    inside.up(link)
    this.#sendMap(link.peer, hello)
    this.#sendStatus(link.peer)
  }

  /** Tells `peer` why we will not have its link, and ends it. */
  refuse(peer: PeerId, reason: string, bootNonce: number): void {
    this.#node.links.refuse(peer, reason)
    this.#transport.send(peer, encodeRefused(reason, bootNonce))
    this.#transport.close(peer, reason)
  }

  down(peer: PeerId, reason: string): void {
    const { mesh, membership, inside, leaders, door } = this.#node
    const wasLinked = mesh.link(peer) !== undefined
    membership.gone(peer)
    this.#once.close(peer)
    door.gone(peer)
    this.#node.links.down(peer, reason, wasLinked)
    if (!wasLinked) return
    this.#heardAt.delete(peer)
    leaders.forget(peer)
    mesh.down(peer, this.#node.host.clock.monotonic())
    inside.down(peer, reason)
  }

  dialFailed(address: string, failure: DialFailure): void {
    this.#node.links.dialFailed(address, failure)
    this.#node.mesh.dialFailed(address, failure, this.#node.host.clock.monotonic())
  }

  /** Hostile or garbled input ends the link it came by, never the process. */
  frame(peer: PeerId, bytes: Uint8Array, channel: Channel): void {
    try {
      const frame = decodeFrame(bytes)
      if (frame.kind === FRAME.request) this.#request(peer, frame)
      else if (frame.kind === FRAME.cancel) this.#cancel(peer, frame)
      else if (this.#node.mesh.link(peer) === undefined) throw new Malformed('not for clients')
      else {
        this.#heardAt.set(peer, this.#node.host.clock.monotonic())
        this.#fromNode(peer, frame, bytes, channel)
      }
    } catch (error) {
      if (!(error instanceof Malformed)) throw error
      this.#transport.close(peer, `malformed frame: ${error.message}`)
    }
  }

  /** A request, or the end of one, from the gateway of this very node. */
  fromInside(bytes: Uint8Array): void {
    const { door, inside } = this.#node
    const frame = decodeFrame(bytes)
    if (frame.kind === FRAME.cancel) this.#cancel(inside.self, frame)
    if (frame.kind !== FRAME.request) return
    const request = decodeRequest(frame.head, frame.body)
    door.enter(inside.self, request, (answer) => inside.reply(this.#reply(request.id, answer)))
  }

  /** Tells all nodes how we are, and gives up links to those that have long said nothing. */
  tellStatus(): void {
    const now = this.#node.host.clock.monotonic()
    // After a pause of our own, what they said meanwhile still waits to be read.
    if (now - this.#toldAt > SILENCE_MS_MAX / 2) {
      sometimes('node: wakes from a long pause')
      for (const peer of this.#heardAt.keys()) this.#heardAt.set(peer, now)
    }
    this.#toldAt = now
    const silentSince = now - SILENCE_MS_MAX
    for (const { peer } of this.#node.mesh.links()) {
      if ((this.#heardAt.get(peer) ?? 0) < silentSince) {
        sometimes('node: closes a link that leads nowhere')
        this.#transport.close(peer, 'silent')
      } else this.#sendStatus(peer)
    }
  }

  tellDigests(claims: readonly DigestClaim[]): void {
    for (let from = 0; from < claims.length; from += CLAIMS_PER_FRAME) {
      const parts = encodeDigests(claims.slice(from, from + CLAIMS_PER_FRAME))
      for (const { peer } of this.#node.mesh.links()) this.#transport.send(peer, parts)
    }
  }

  /** To everybody linked: the map changed. */
  tellMap(): void {
    const { mesh, membership } = this.#node
    for (const { peer } of mesh.links()) {
      const hello = membership.hello(peer)
      if (hello !== undefined) this.#sendMap(peer, hello)
    }
  }

  #request(peer: PeerId, { head, body }: Frame): void {
    const request = decodeRequest(head, body)
    if (!this.#once.admit(peer, request.id)) {
      sometimes('node: a request comes twice by one link')
      return
    }
    if (!this.#mayAsk(peer, request)) {
      const refusal = rejected('forbidden', 'only a node may register itself')
      this.#transport.send(peer, this.#reply(request.id, refusal))
      return
    }
    this.#node.door.enter(peer, request, (answer) => {
      this.#transport.send(peer, this.#reply(request.id, answer))
    })
  }

  #cancel(peer: PeerId, { head, body }: Frame): void {
    this.#node.door.giveUp(peer, decodeCancel(head, body))
  }

  /** The system group is changed by nodes alone, each for itself. */
  #mayAsk(peer: PeerId, { kind, group, body }: Request): boolean {
    if (kind !== 'mutate' || group !== SYSTEM_GROUP) return true
    if (this.#node.mesh.link(peer) === undefined) return false
    const { operation } = decodeCommand(body)
    return operation.type === 'register-node' && decodeNodeRecord(operation.node).id === peer
  }

  #reply(id: number, answer: Answered): readonly Uint8Array[] {
    return encodeReply({ ...answer, id, epoch: this.#node.membership.map?.epoch ?? 0 })
  }

  #fromNode(peer: PeerId, { kind, head, body }: Frame, bytes: Uint8Array, channel: Channel): void {
    const { keeping, inside } = this.#node
    const { host, snapshots } = keeping
    switch (kind) {
      case FRAME.reply:
        inside.frame(peer, bytes)
        return
      case FRAME.raft: {
        const [, batch] = asTuple(head, 2)
        for (const { group, message } of decodeGroupMessages(
          asBytes(batch, FRAME_HEAD_BYTES_MAX),
          body
        )) {
          host.get(group)?.receive(peer, message)
        }
        return
      }
      case FRAME.confirm:
        this.#confirm(peer, head)
        return
      case FRAME.confirmReply:
      case FRAME.freshness:
      case FRAME.freshnessReply:
        this.#aboutReads(peer, kind, head)
        return
      case FRAME.status:
        this.#node.links.clear(peer)
        this.#status(peer, head)
        return
      case FRAME.refused:
        this.#refused(peer, decodeRefused(head))
        return
      case FRAME.map:
        this.#learn(decodeClusterView(body).map)
        return
      case FRAME.digests:
        this.#node.keeping.audit.hear(peer, decodeDigests(head))
        return
      case FRAME.snapshot:
        snapshots.chunk(peer, decodeSnapshotChunk(head, body))
        return
      case FRAME.snapshotReply:
        snapshots.reply(decodeSnapshotReply(head))
        return
      default:
        throw new Malformed(`unknown frame kind ${kind} on ${channel}`)
    }
  }

  /** Answers to questions of an earlier life of this node are passed over. */
  #aboutReads(peer: PeerId, kind: number, head: Frame['head']): void {
    const { host, freshness } = this.#node.keeping
    if (kind === FRAME.freshness) freshness.asked(peer, decodeFreshness(head))
    else if (kind === FRAME.freshnessReply) {
      const told = decodeFreshnessReply(head)
      if (told.nonce === this.#bootNonce) freshness.told(told)
    } else {
      const { nonce, round, failed } = decodeConfirmReply(head)
      if (nonce === this.#bootNonce) host.confirmed(peer, round, failed)
    }
  }

  /**
   * On a disk that went back in time this node has forgotten votes and entries that it promised:
   * one member that knows is enough, for others may not, and would count it.
   */
  #refused(peer: PeerId, { reason, nonce }: ReturnType<typeof decodeRefused>): void {
    this.#node.links.hear(peer, reason)
    if (reason !== 'stale_disk' || nonce !== this.#bootNonce) return
    throw new UnusableData(
      `node ${peer} refuses this node: its data directory is an older copy, or a copy of it runs ` +
        'elsewhere. Use the latest one, or remove the node from the cluster and start it with an ' +
        'empty data directory: it rejoins as a new node'
    )
  }

  #confirm(peer: PeerId, head: readonly unknown[]): void {
    const { nonce, round, groups } = decodeConfirm(head)
    const failed: number[] = []
    for (const asked of groups) {
      if (!this.#node.host.confirms(asked)) failed.push(asked.group)
    }
    this.#transport.send(peer, encodeConfirmReply({ nonce, round, failed }))
  }

  #status(peer: PeerId, head: readonly unknown[]): void {
    const { membership, leaders, mesh, time, room, gateway } = this.#node
    const { durableSequence, led, unfit, disk, peers, epoch, wall } = decodeStatus(head)
    time.hear(peer, wall)
    mesh.prove(peer)
    mesh.setUnfit(peer, unfit)
    room.hear(peer, disk)
    membership.durable(peer, durableSequence)
    for (const group of leaders.tell(peer, led)) gateway.lead(group, peer)
    if (!membership.isMember) for (const known of peers) mesh.want(known)
    // A peer that missed a push goes by an older map until somebody notices.
    const hello = membership.hello(peer)
    if (hello !== undefined && epoch < (membership.map?.epoch ?? 0)) this.#sendMap(peer, hello)
  }

  #sendStatus(peer: PeerId): void {
    const { membership, host, mesh, room } = this.#node
    const led: [number, number][] = []
    const unfit: number[] = []
    for (const replica of host.replicas()) {
      if (replica.damage !== undefined) unfit.push(replica.group)
      if (replica.isLeader) led.push([replica.group, replica.raft.status.term])
    }
    const status = {
      epoch: membership.map?.epoch ?? 0,
      wall: host.clock.wall(),
      durableSequence: this.#node.keeping.log.durableSequence,
      led,
      unfit,
      disk: room.level,
      peers: membership.isMember ? [] : mesh.known()
    }
    this.#transport.send(peer, encodeStatus(status))
  }

  /** A first member that has not heard of its cluster yet begins with the founding map. */
  #sendMap(peer: PeerId, hello: Hello): void {
    const founding = hello.clusterId === '' ? this.#node.founding : undefined
    const view = this.#node.view()
    if (view === undefined || !this.#node.membership.isMember) return
    if (founding?.nodes.some((node) => node.id === peer)) {
      const first = encodeClusterView({ ...view, map: founding })
      this.#transport.send(peer, encodeMapPush(first))
    }
    this.#transport.send(peer, encodeMapPush(encodeClusterView(view)))
  }
}
