import { connect, type Socket } from 'node:net'
import { noise } from '@chainsafe/libp2p-noise'
import { yamux } from '@chainsafe/libp2p-yamux'
import type { Connection, Stream } from '@libp2p/interface'
import { tcp } from '@libp2p/tcp'
import { multiaddr } from '@multiformats/multiaddr'
import fc from 'fast-check'
import { createLibp2p, type Libp2p, type Libp2pOptions } from 'libp2p'
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from 'vitest'
import { encodeHello } from '../../src/transport/greeting.ts'
import { prologueOf } from '../../src/transport/libp2p-host.ts'
import { PROTOCOL } from '../../src/transport/libp2p-links.ts'
import { utf8 } from '../../src/wire/bytes.ts'
import { type Libp2pStage, libp2pStage, until } from '../contract/libp2p-stage.ts'
import { Recorder } from '../contract/transport-harness.ts'

/**
 * A raw libp2p peer, let in by its handshake, that says whatever it likes on our streams. However
 * it behaves, its connection ends and the node goes on serving a well-behaved peer.
 */
let stage: Libp2pStage
let node: Recorder
let friend: Recorder
let stranger: Libp2p
const unexpected: unknown[] = []
const note = (error: unknown): void => void unexpected.push(error)

async function plainLibp2p(): Promise<Libp2pOptions> {
  return {
    transports: [tcp()],
    connectionEncrypters: [noise({ prologueBytes: await prologueOf(undefined) })],
    streamMuxers: [yamux()],
    connectionMonitor: { enabled: false }
  }
}

const LOOPBACK = '/ip4/127.0.0.1/tcp/0'
const INSTANCE = new Uint8Array(8)
const HELLO_TIMEOUT_MS = 400

beforeAll(() => {
  process.on('uncaughtException', note)
  process.on('unhandledRejection', note)
})
afterAll(() => {
  process.off('uncaughtException', note)
  process.off('unhandledRejection', note)
})

beforeEach(async () => {
  stage = await libp2pStage()
  const bounds = { helloTimeoutMs: HELLO_TIMEOUT_MS }
  node = new Recorder(await stage.openWith({ bounds }), 'node')
  friend = new Recorder(await stage.open('node'), 'friend')
  friend.transport.dial(node.address())
  await until(() => friend.links.size === 1 && node.links.size === 1, 'the link of the friend')
  stranger = await createLibp2p(await plainLibp2p())
})

afterEach(async () => {
  const before = friend.frames.length
  node.transport.send(friend.transport.self, [utf8('still serving')])
  await until(() => friend.frames.length > before, 'a frame to the friend')
  expect(node.downs.map(({ peer }) => peer)).not.toContain(friend.transport.self)
  expect(node.breaches).toEqual([])
  expect(unexpected).toEqual([])
  await stranger.stop()
  await stage.close()
})

async function open(...protocols: string[]): Promise<[Stream, Stream | undefined]> {
  const connection = await stranger.dial(multiaddr(node.address()))
  const [first, second] = await Promise.all(protocols.map((it) => connection.newStream(it)))
  if (first === undefined) throw new Error('no stream')
  return [first, second]
}

function framed(bytes: Uint8Array, length = bytes.length): Uint8Array {
  const out = Buffer.alloc(4 + bytes.length)
  out.writeUInt32BE(length)
  out.set(bytes, 4)
  return out
}

async function ends(): Promise<void> {
  await until(() => stranger.getConnections().length === 0, 'the end of the connection')
}

async function linkedAs(protocol: 'client' | 'node'): Promise<Stream> {
  const names = protocol === 'client' ? [PROTOCOL.client] : [PROTOCOL.main, PROTOCOL.bulk]
  const [main] = await open(...names)
  main.send(framed(encodeHello(INSTANCE, 1, utf8('stranger'))))
  await until(() => node.links.has(stranger.peerId.toString()), 'the link of the stranger')
  return main
}

test('random bytes in place of a hello', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 5, maxLength: 200 }), async (bytes) => {
      const [stream] = await open(PROTOCOL.client)
      stream.send(bytes)
      await ends()
    }),
    { numRuns: 15 }
  )
  expect(node.ups.length).toBe(1)
})

test('a hello that is refused for what it says', async () => {
  const bad = [
    framed(Uint8Array.of(9, 9, 9)),
    framed(new Uint8Array(0)),
    framed(encodeHello(INSTANCE, 1, new Uint8Array(64 * 1024 + 1))),
    framed(Uint8Array.of(2)),
    framed(new Uint8Array(0), 0xffff_ffff),
    framed(new Uint8Array(0), 70_000)
  ]
  for (const bytes of bad) {
    const [stream] = await open(PROTOCOL.client)
    stream.send(bytes)
    await ends()
  }
  expect(node.ups.length).toBe(1)
})

test('a hello that never ends, or never begins', async () => {
  for (const bytes of [new Uint8Array(0), framed(new Uint8Array(10), 100), Uint8Array.of(0, 0)]) {
    const [stream] = await open(PROTOCOL.client)
    if (bytes.length > 0) stream.send(bytes)
    await ends()
  }
  expect(node.ups.length).toBe(1)
})

test('a connection without a stream, and a node without its bulk stream', async () => {
  await stranger.dial(multiaddr(node.address()))
  await ends()
  const [main] = await open(PROTOCOL.main)
  main.send(framed(encodeHello(INSTANCE, 1, utf8('half'))))
  await ends()
  expect(node.ups.length).toBe(1)
})

test('two hellos, frames before ours, and a hello on the wrong stream', async () => {
  const hello = framed(encodeHello(INSTANCE, 1, utf8('x')))
  const [twice] = await open(PROTOCOL.main)
  twice.send(Buffer.concat([hello, hello]))
  await ends()
  const [, bulk] = await open(PROTOCOL.main, PROTOCOL.bulk)
  bulk?.send(hello)
  await ends()
  expect(node.ups.length).toBe(1)
})

test('streams a link does not have', async () => {
  await linkedAs('client')
  const [connection] = stranger.getConnections()
  for (const protocol of [PROTOCOL.main, PROTOCOL.bulk, PROTOCOL.client]) {
    const stream = await connection?.newStream(protocol, { maxOutboundStreams: 9 })
    await until(() => stream?.status !== 'open', `the end of one more ${protocol}`)
  }
})

test('hellos in the wrong order: an older one is refused, a newer one takes over', async () => {
  await linkedAs('client')
  const again = async (number: number): Promise<Stream> => {
    const connection = await stranger.dial(multiaddr(node.address()), { force: true })
    const stream = await connection.newStream(PROTOCOL.client)
    stream.send(framed(encodeHello(INSTANCE, number, utf8(`hello ${number}`))))
    return stream
  }
  const refused = await again(0)
  await until(() => refused.status !== 'open', 'the refusal')
  expect([node.ups.length, node.downs.length]).toEqual([2, 0])
  await again(7)
  await until(() => node.ups.length === 3, 'the newer link')
  expect(node.downs.map(({ reason }) => reason)).toEqual(['replaced by a newer link'])
  expect(node.helloOf(stranger.peerId.toString())).toBe('hello 7')
})

test('a peer we dialled opens streams of its own', async () => {
  const listener = await createLibp2p({
    ...(await plainLibp2p()),
    addresses: { listen: [LOOPBACK] }
  })
  const refused: Stream[] = []
  let connection: Connection | undefined
  await listener.handle(PROTOCOL.bulk, () => undefined)
  await listener.handle(PROTOCOL.main, (main, dialled) => {
    connection = dialled
    main.addEventListener('message', () => undefined)
    main.send(framed(encodeHello(INSTANCE, 1, utf8('listener'))))
  })
  node.transport.dial(listener.getMultiaddrs()[0]?.toString() ?? '')
  await until(() => node.links.has(listener.peerId.toString()), 'the link')
  for (const protocol of [PROTOCOL.main, PROTOCOL.bulk, PROTOCOL.client]) {
    const stream = await connection?.newStream(protocol)
    if (stream !== undefined) refused.push(stream)
  }
  await until(() => refused.every(({ status }) => status !== 'open'), 'the refusals')
  expect(refused.length).toBe(3)
  expect(node.links.size).toBe(2)
  await listener.stop()
})

test('a length beyond every frame ends the link', async () => {
  for (const length of [0xffff_ffff, 0x7fff_ffff, 10 * 1024 * 1024]) {
    const stream = await linkedAs('client')
    stream.send(framed(new Uint8Array(10), length))
    await ends()
    await until(() => node.links.size === 1, 'the down')
  }
  expect(node.downs.at(-1)?.reason).toMatch(/frame of/)
  expect(node.frames).toEqual([])
})

test('a frame cut short by the end of the connection is never delivered', async () => {
  for (const leave of ['abort', 'close'] as const) {
    const stream = await linkedAs('node')
    stream.send(framed(new Uint8Array(1_000), 5_000))
    if (leave === 'abort') stream.abort(new Error('gone'))
    else await stream.close()
    await ends()
    await until(() => node.links.size === 1, 'the down')
  }
  expect(node.frames).toEqual([])
})

test('random bytes after the hello: frames arrive, the rest ends the link', async () => {
  await fc.assert(
    fc.asyncProperty(fc.uint8Array({ minLength: 1, maxLength: 300 }), async (bytes) => {
      const stream = await linkedAs('client')
      stream.send(bytes)
      await stream.close()
      await ends()
      await until(() => node.links.size === 1, 'the down')
    }),
    { numRuns: 15 }
  )
})

test('raw sockets that are no libp2p at all', async () => {
  const [, port = ''] = /\/tcp\/(\d+)/.exec(node.address()) ?? []
  const sockets = await Promise.all(
    Array.from({ length: 30 }, (_, i) => raw(Number(port), i % 3 === 0 ? '' : `garbage ${i}\r\n`))
  )
  for (const socket of sockets) socket.resetAndDestroy()
})

async function raw(port: number, text: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => undefined)
  await new Promise((resolve) => socket.once('connect', resolve))
  if (text !== '') socket.write(text)
  return socket
}
