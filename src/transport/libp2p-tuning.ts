import { noise } from '@chainsafe/libp2p-noise'
import { tcp } from '@libp2p/tcp'

type Method = (...args: never[]) => unknown
type NoiseFactory = ReturnType<typeof noise>
type TcpFactory = ReturnType<typeof tcp>

/** What of the library had the expected shape. A test asserts that all of it still has. */
export interface Tuned {
  /** Sockets whose writes are gathered. */
  sockets: number
  /** Connections whose noise decoder was replaced. */
  decoders: number
  /** Streams that give back their window in halves. */
  windows: number
  /** Layers of them that make no event nobody listens for. */
  events: number
}

/** What could be tuned in all transports of this process. */
export const tuned: Tuned = { sockets: 0, decoders: 0, windows: 0, events: 0 }

/**
 * libp2p's tcp with one `writev` per turn in place of a write per buffer: noise writes the two
 * length bytes and the record separately, yamux adds a header of its own (36 % of the time at
 * depth 1 was write system calls). Where the library no longer looks as expected, it is used as it
 * is.
 */
export function corkedTcp(init: Parameters<typeof tcp>[0], tuned: Tuned): TcpFactory {
  return (components) => {
    const transport = tcp(init)(components)
    const inside = transport as unknown as Record<string, unknown>
    const connect = method(inside, '_connect')
    if (connect !== undefined) {
      inside._connect = async (...args: never[]): Promise<unknown> => {
        const socket = await connect(...args)
        cork(socket, tuned)
        return socket
      }
    }
    const createListener = transport.createListener.bind(transport)
    transport.createListener = (options) => {
      const listener = createListener(options)
      const server = (listener as unknown as Record<string, unknown>).server
      const prepend = method(server, 'prependListener') as
        | ((event: string, listener: (socket: unknown) => void) => void)
        | undefined
      prepend?.('connection', (socket) => cork(socket, tuned))
      return listener
    }
    return transport
  }
}

function cork(socket: unknown, tuned: Tuned): void {
  const write = method(socket, 'write')
  const corkOnce = method(socket, 'cork')
  const uncork = method(socket, 'uncork')
  if (write === undefined || corkOnce === undefined || uncork === undefined) return
  let corked = false
  const release = (): void => {
    corked = false
    uncork()
  }
  const inside = socket as Record<string, unknown>
  inside.write = (...args: never[]): unknown => {
    if (!corked) {
      corked = true
      corkOnce()
      process.nextTick(release)
    }
    return write(...args)
  }
  tuned.sockets++
}

/**
 * noise whose frame decoder does not end every chunk with a thrown and caught RangeError, stack
 * trace included (half of the CPU left at depth 1 once writes are corked).
 */
export function quietNoise(init: Parameters<typeof noise>[0], tuned: Tuned): NoiseFactory {
  return (components) => {
    const encrypter = noise(init)(components)
    const inbound = encrypter.secureInbound.bind(encrypter)
    const outbound = encrypter.secureOutbound.bind(encrypter)
    encrypter.secureInbound = async (...args) => quieten(await inbound(...args), tuned)
    encrypter.secureOutbound = async (...args) => quieten(await outbound(...args), tuned)
    return encrypter
  }
}

/** The parts of uint8arraylist's Uint8ArrayList that the decoder lives on. */
interface ByteList {
  readonly byteLength: number
  append(bytes: unknown): void
  get(index: number): number
  sublist(start: number, end: number): ByteList
  consume(bytes: number): void
}

function quieten<T extends { readonly connection: unknown }>(secured: T, tuned: Tuned): T {
  const { connection } = secured
  quietEvents(connection)
  quietEvents((connection as Record<string, unknown>).stream)
  const decoder = (secured.connection as Record<string, unknown>).decoder
  if (method(decoder, 'decode') === undefined) return secured
  const inside = decoder as Record<string, unknown>
  const { buffer, maxBufferSize } = inside
  const complete = ['append', 'get', 'sublist', 'consume'].every(
    (name) => method(buffer, name) !== undefined
  )
  if (!complete || typeof maxBufferSize !== 'number') return secured
  const list = buffer as ByteList
  inside.decode = (bytes: unknown) => records(list, bytes, maxBufferSize)
  tuned.decoders++
  return secured
}

/** The whole noise records at the head of `list` once `bytes` are added: u16 length, ciphertext. */
function* records(list: ByteList, bytes: unknown, bytesMax: number): Generator<ByteList> {
  list.append(bytes)
  if (list.byteLength > bytesMax) throw new Error('too much data in one noise record')
  while (list.byteLength >= 2) {
    const length = list.get(0) * 256 + list.get(1)
    if (list.byteLength < length + 2) return
    const record = list.sublist(2, length + 2)
    list.consume(length + 2)
    if (length > 0) yield record
  }
}

/** yamux's StreamState of a stream that both sides have opened. */
const ESTABLISHED = 3

/**
 * Makes a yamux stream tell its peer of room for more once half of the window is used, as the
 * protocol's first implementation does, not after each message: every update is a record, a write
 * and a wake-up at the other end of its own, as many as the messages themselves.
 */
export function sparingWindow(stream: unknown): void {
  const update = method(stream, 'sendWindowUpdate')
  const inside = stream as Record<string, unknown>
  const numbers = [inside.recvWindow, inside.recvWindowCapacity, inside.state]
  if (update === undefined || !numbers.every((value) => typeof value === 'number')) return
  inside.sendWindowUpdate = () => {
    const { state, recvWindow, recvWindowCapacity } = inside
    const ample = (recvWindowCapacity as number) * 2 > (recvWindow as number)
    if (state !== ESTABLISHED || !ample) update()
  }
  tuned.windows++
}

/**
 * Keeps a message stream from dispatching an event for which nobody listens: libp2p tells three
 * layers after each message that their queues are empty.
 */
export function quietEvents(stream: unknown): void {
  const dispatch = method(stream, 'safeDispatchEvent')
  const count = method(stream, 'listenerCount') as ((type: unknown) => number) | undefined
  if (dispatch === undefined || count === undefined) return
  const inside = stream as Record<string, unknown>
  inside.safeDispatchEvent = (...args: never[]): unknown => {
    return count(args[0]) === 0 ? true : dispatch(...args)
  }
  tuned.events++
}

function method(object: unknown, name: string): Method | undefined {
  const found = (object as Readonly<Record<string, unknown>> | undefined | null)?.[name]
  return typeof found === 'function' ? (found as Method).bind(object) : undefined
}
