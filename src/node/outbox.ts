import type { Outbox } from '../partition/host.ts'
import { encodeGroupMessages, type GroupMessage, headBytesMax } from '../raft/codec.ts'
import type { Message } from '../raft/types.ts'
import type { Transport } from '../transport/transport.ts'
import { encodeFrame, FRAME } from '../wire/frame.ts'
import type { GroupId, NodeId } from '../wire/ids.ts'
import { type ConfirmGroup, encodeConfirm } from '../wire/node-frames.ts'

interface Gathering {
  messages: GroupMessage[]
  bodyBytes: number
  headBytes: number
}

/**
 * A frame leaves when it holds so much; its limits (wire/limits.ts) leave room for one more
 * message.
 */
const BODY_FILL_BYTES = 2 * 1024 * 1024
const HEAD_FILL_BYTES = 96 * 1024

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
      gathering = { messages: [], bodyBytes: 0, headBytes: 0 }
      this.#gathering.set(node, gathering)
    }
    gathering.messages.push({ group, message })
    gathering.headBytes += headBytesMax(message)
    if (message.type === 'append') {
      for (const entry of message.entries) gathering.bodyBytes += entry.data.length
    }
    const { bodyBytes, headBytes } = gathering
    if (bodyBytes >= BODY_FILL_BYTES || headBytes >= HEAD_FILL_BYTES) this.#send(node, gathering)
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
    gathering.bodyBytes = 0
    gathering.headBytes = 0
    this.#transport.send(node, encodeFrame([FRAME.raft, head], bodies))
  }
}
