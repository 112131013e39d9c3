import { afterEach, beforeEach, expect, test } from 'vitest'
import { generateIdentity, peerIdOf } from '../../../src/transport/identity.ts'
import { prologueOf } from '../../../src/transport/libp2p-host.ts'
import { tuned } from '../../../src/transport/libp2p-tuning.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { freePort, type Libp2pStage, libp2pStage, until } from '../../contract/libp2p-stage.ts'
import { Recorder } from '../../contract/transport-harness.ts'

let stage: Libp2pStage
const key = (fill: number): Uint8Array => new Uint8Array(32).fill(fill)

beforeEach(async () => {
  stage = await libp2pStage()
})
afterEach(() => stage.close())

test('the same cluster key links, another one or none fails the handshake', async () => {
  const keys = [key(1), key(1), key(2), undefined]
  const recorders: Recorder[] = []
  for (const clusterKey of keys) {
    recorders.push(new Recorder(await stage.openWith({ clusterKey }), 'x'))
  }
  const [a, friend, ...strangers] = recorders as [Recorder, Recorder, ...Recorder[]]
  friend.transport.dial(a.address())
  await until(() => friend.links.size === 1, 'the link of the friend')
  for (const stranger of strangers) {
    stranger.transport.dial(a.address())
    a.transport.dial(stranger.address())
    await until(() => stranger.failures.length === 1, 'the refusal')
    expect(stranger.failures).toEqual([{ address: a.address(), failure: 'handshake' }])
    expect(stranger.links.size).toBe(0)
  }
  await until(() => a.failures.length === 2, 'our own refusals')
  expect(a.failures.map(({ failure }) => failure)).toEqual(['handshake', 'handshake'])
  expect(a.links.size).toBe(1)
})

test('the prologue hangs on the key and is never empty', async () => {
  const all = await Promise.all([undefined, key(1), key(2)].map(prologueOf))
  expect(new Set(all.map((bytes) => Buffer.from(bytes).toString('hex'))).size).toBe(3)
  expect(all[0]?.length).toBeGreaterThan(0)
  expect(Buffer.from(await prologueOf(key(1)))).toEqual(Buffer.from(all[1] as Uint8Array))
})

test('an address with the peer id of somebody else fails the handshake', async () => {
  const [a, b] = [await stage.open('node'), await stage.open('node')]
  const [dialler, listener] = [new Recorder(a, 'a'), new Recorder(b, 'b')]
  const other = peerIdOf(await generateIdentity())
  const address = listener.address().replace(/\/p2p\/.*$/, `/p2p/${other}`)
  dialler.transport.dial(address)
  await until(() => dialler.failures.length === 1, 'the refusal')
  expect(dialler.failures).toEqual([{ address, failure: 'handshake' }])
})

test('what is no address is unreachable, and told later', async () => {
  const a = new Recorder(await stage.open('node'), 'a')
  for (const address of ['', 'nonsense', '/ip4/1.2.3.4', '/p2p/xyz', '/ip4/127.0.0.1/udp/9']) {
    a.failures.length = 0
    a.transport.dial(address)
    expect(a.failures).toEqual([])
    await until(() => a.failures.length === 1, `the answer to "${address}"`)
    expect(a.failures).toEqual([{ address, failure: 'unreachable' }])
  }
})

test('two dials to one peer by different addresses make one link and no failure', async () => {
  const listen = [
    `/ip4/127.0.0.1/tcp/${await freePort()}`,
    `/ip4/127.0.0.1/tcp/${await freePort()}`
  ]
  const b = new Recorder(await stage.openWith({ listen }), 'b')
  const a = new Recorder(await stage.open('node'), 'a')
  expect(b.transport.addresses().length).toBe(2)
  for (const address of b.transport.addresses()) a.transport.dial(address)
  for (const address of listen) a.transport.dial(address)
  await until(() => a.links.size === 1 && b.links.size === 1, 'the link')
  await stage.settle()
  expect([a.ups.length, b.ups.length, a.downs.length, a.failures.length]).toEqual([1, 1, 0, 0])
  // None of the addresses is still being dialled: each can be dialled anew.
  for (const address of [...listen, ...b.transport.addresses()]) {
    a.transport.close(b.transport.self, 'again')
    await until(() => a.links.size === 0 && b.links.size === 0, 'the end')
    a.transport.dial(address)
    await until(() => a.links.size === 1 && b.links.size === 1, `a link by ${address}`)
  }
})

test('an announced address is told in place of the one listened on', async () => {
  const transport = await stage.openWith({ announce: ['/dns4/node1.example/tcp/7101'] })
  expect(transport.addresses()).toEqual([`/dns4/node1.example/tcp/7101/p2p/${transport.self}`])
})

test('a port in use is refused at open', async () => {
  const first = await stage.open('node')
  const [address = ''] = first.addresses()
  const listen = [address.replace(/\/p2p\/.*$/, '')]
  await expect(stage.openWith({ listen })).rejects.toThrow()
})

test('a peer that dials before we start is answered when we do', async () => {
  const late = await stage.open('node')
  const early = new Recorder(await stage.open('node'), 'early')
  early.transport.dial(late.addresses()[0] ?? '')
  await stage.settle()
  expect(early.links.size).toBe(0)
  const recorder = new Recorder(late, 'late')
  await until(() => early.links.size === 1 && recorder.links.size === 1, 'the link')
})

test('all tunings of libp2p still find what they replace', async () => {
  const [before, a, b] = [{ ...tuned }, await stage.open('node'), await stage.open('node')]
  const [dialler, listener] = [new Recorder(a, 'a'), new Recorder(b, 'b')]
  dialler.transport.dial(listener.address())
  await until(() => dialler.links.size === 1 && listener.links.size === 1, 'the link')
  expect(tuned.sockets - before.sockets).toBe(2)
  expect(tuned.decoders - before.decoders).toBe(2)
  // Main and bulk, at both ends.
  expect(tuned.windows - before.windows).toBe(4)
  // Those, and the connection and its noise at both ends.
  expect(tuned.events - before.events).toBe(8)
})

test('a storm of crossing dials, closes and frames ends in one link a pair', async () => {
  const all: Recorder[] = []
  for (let i = 0; i < 4; i++) all.push(new Recorder(await stage.open('node'), `node ${i}`))
  const mesh = (): void => {
    for (const from of all) {
      for (const to of all) if (from !== to) from.transport.dial(to.address())
    }
  }
  for (let round = 0; round < 6; round++) {
    mesh()
    const whole = (): boolean => all.every(({ links }) => links.size === all.length - 1)
    const patient = setInterval(mesh, 50)
    try {
      await until(whole, 'a link for every pair')
    } finally {
      clearInterval(patient)
    }
    await stage.settle()
    expect(whole()).toBe(true)
    for (const { frames } of all) frames.length = 0
    for (const from of all) {
      for (const to of all) if (from !== to) from.transport.send(to.transport.self, [utf8('x')])
    }
    await until(() => all.every(({ frames }) => frames.length === all.length - 1), 'all frames')
    for (const [i, from] of all.entries()) {
      for (const to of all.slice(i + 1)) from.transport.close(to.transport.self, 'again')
    }
    await until(() => all.every(({ links }) => links.size === 0), 'the end of all links')
  }
  expect(all.flatMap(({ breaches }) => breaches)).toEqual([])
})
