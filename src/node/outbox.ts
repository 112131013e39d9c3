import type { Outbox } from '../partition/host.ts'
import { encodeGroupMessages, type GroupMessage } from '../raft/codec.ts'
import type { Message } from '../raft/types.ts'
import type { Transport } from '../transport/transport.ts'
import { encodeFrame, FRAME } from '../wire/frame.ts'
import type { GroupId, NodeId } from '../wire/ids.ts'
import { type ConfirmGroup, encodeConfirm } from '../wire/node-frames.ts'

interface Gathering {
  messages: GroupMessage[]
  bytes: number
}

/** Bytes of entries and messages in one frame; a frame's body may hold twice as much and more. */
const FRAME_FILL_BYTES = 2 * 1024 * 1024
const FRAME_MESSAGES_MAX = 1_024

/**
 * Gathers what replicas say in one turn into one frame per peer, heartbeats of all groups included.
 * What a full or absent link does not take is dropped: Raft asks again.
 */
export class NodeOutbox implements Outbox {
  readonly #transport: Transport
  readonly #nonce: number
  readonly #gathering = new Map<NodeId, Gathering>()

  constructor(transport: Transport, nonce: number) {
    this.#transport = transport
    this.#nonce = nonce
  }

  raft(node: NodeId, group: GroupId, message: Message): void {
    let gathering = this.#gathering.get(node)
    if (gathering === undefined) {
      gathering = { messages: [], bytes: 0 }
      this.#gathering.set(node, gathering)
    }
    gathering.messages.push({ group, message })
    if (message.type === 'append') {
      for (const entry of message.entries) gathering.bytes += entry.data.length
    }
    const full =
      gathering.bytes >= FRAME_FILL_BYTES || gathering.messages.length >= FRAME_MESSAGES_MAX
    if (full) this.#send(node, gathering)
  }

  confirm(node: NodeId, round: number, groups: readonly ConfirmGroup[]): void {
    this.#transport.send(node, encodeConfirm({ nonce: this.#nonce, round, groups }))
  }

  flush(): void {
    for (const [node, gathering] of this.#gathering) {
      if (gathering.messages.length > 0) this.#send(node, gathering)
    }
  }

  #send(node: NodeId, gathering: Gathering): void {
    const { head, bodies } = encodeGroupMessages(gathering.messages)
    gathering.messages = []
    gathering.bytes = 0
    this.#transport.send(node, encodeFrame([FRAME.raft, head], bodies))
  }
}
