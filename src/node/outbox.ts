import type { Outbox } from '../partition/host.ts'
import { encodeGroupMessages, type GroupMessage, headBytesMax } from '../raft/codec.ts'
import type { Message } from '../raft/types.ts'
import type { Transport } from '../transport/transport.ts'
import { encodeFrame, FRAME } from '../wire/frame.ts'
import type { GroupId, NodeId } from '../wire/ids.ts'
import { type ConfirmGroup, encodeConfirm } from '../wire/node-frames.ts'

/** Messages that fit a frame. */
interface Batch {
  readonly messages: readonly GroupMessage[]
  readonly bodyBytes: number
}

interface Gathering {
  messages: GroupMessage[]
  bodyBytes: number
  headBytes: number
  /** Appends for which the link has no room yet, in their order. */
  readonly waiting: Batch[]
  waitingBytes: number
}

/**
 * A frame leaves when it holds so much; its limits (wire/limits.ts) leave room for one more
 * message.
 */
const BODY_FILL_BYTES = 2 * 1024 * 1024
const HEAD_FILL_BYTES = 96 * 1024
/** Appends wait while more of the queue of a link is taken: the rest is for what cannot wait. */
const APPENDS_FILL_MAX = 1 / 8
/** What all groups send ahead of acknowledgements to a follower on a good link, and to spare. */
const WAITING_BYTES_MAX = 32 * 1024 * 1024

/**
 * Gathers what replicas say in one turn into one frame per peer, heartbeats of all groups included.
 * On a link that is behind, appends wait here, so that heartbeats and votes neither find its queue
 * full nor come late. What a full or absent link does not take is dropped: Raft asks again.
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
      gathering = { messages: [], bodyBytes: 0, headBytes: 0, waiting: [], waitingBytes: 0 }
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
      if (gathering.waiting.length > 0) this.#resume(node, gathering)
      if (gathering.messages.length > 0) this.#send(node, gathering)
    }
  }

  #send(node: NodeId, gathering: Gathering): void {
    const { messages, bodyBytes } = gathering
    gathering.messages = []
    gathering.bodyBytes = 0
    gathering.headBytes = 0
    if (gathering.waiting.length === 0 && this.#hasRoom(node)) {
      this.#frame(node, messages)
      return
    }
    const urgent = messages.filter(({ message }) => message.type !== 'append')
    if (urgent.length > 0) this.#frame(node, urgent)
    if (gathering.waitingBytes + bodyBytes > WAITING_BYTES_MAX) return
    const appends = messages.filter(({ message }) => message.type === 'append')
    if (appends.length === 0) return
    gathering.waiting.push({ messages: appends, bodyBytes })
    gathering.waitingBytes += bodyBytes
  }

  /** Sends what waits, as far as there is room. */
  #resume(node: NodeId, gathering: Gathering): void {
    const { waiting } = gathering
    let sent = 0
    for (const { messages, bodyBytes } of waiting) {
      if (!this.#hasRoom(node)) break
      this.#frame(node, messages)
      gathering.waitingBytes -= bodyBytes
      sent++
    }
    waiting.splice(0, sent)
  }

  #hasRoom(node: NodeId): boolean {
    return this.#transport.fill(node) <= APPENDS_FILL_MAX
  }

  #frame(node: NodeId, messages: readonly GroupMessage[]): void {
    const { head, bodies } = encodeGroupMessages(messages)
    this.#transport.send(node, encodeFrame([FRAME.raft, head], bodies))
  }
}
