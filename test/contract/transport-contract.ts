import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { utf8 } from '../../src/wire/bytes.ts'
import { Recorder, type TransportStage } from './transport-harness.ts'

const MIB = 1024 * 1024

/** What every Transport must do. Runs on real sockets and on the simulated network. */
export function transportContract(name: string, openStage: () => Promise<TransportStage>): void {
  describe(name, () => {
    let stage: TransportStage
    const recorders: Recorder[] = []

    const open = async (hello: string, role: 'node' | 'client' = 'node'): Promise<Recorder> => {
      const recorder = new Recorder(await stage.open(role), hello)
      recorders.push(recorder)
      return recorder
    }
    const linked = async (a: Recorder, b: Recorder): Promise<void> => {
      a.transport.dial(b.address())
      await stage.until(
        () => a.links.has(b.transport.self) && b.links.has(a.transport.self),
        'a link on both sides'
      )
    }

    beforeEach(async () => {
      stage = await openStage()
      recorders.length = 0
    })
    afterEach(async () => {
      await stage.close()
      expect(recorders.flatMap((recorder) => recorder.breaches)).toEqual([])
    })

    test('both sides learn the hello, role and address of the other', async () => {
      const [a, b] = [await open('I am a'), await open('I am b')]
      await linked(a, b)
      expect(a.helloOf(b.transport.self)).toBe('I am b')
      expect(b.helloOf(a.transport.self)).toBe('I am a')
      expect(a.ups[0]).toMatchObject({ role: 'node', address: b.address() })
      expect(b.ups[0]).toMatchObject({ role: 'node', address: undefined })
    })

    test('a node knows a client for one, and a client is nowhere to be dialled', async () => {
      const [client, node] = [await open('c', 'client'), await open('n')]
      expect(client.transport.addresses()).toEqual([])
      await linked(client, node)
      expect(node.ups[0]).toMatchObject({ role: 'client' })
      expect(client.ups[0]).toMatchObject({ role: 'node' })
      expect(node.transport.send(client.transport.self, [utf8('hi')])).toBe(true)
      await stage.until(() => client.frames.length === 1, 'a frame to the client')
    })

    test('an address needs no peer id', async () => {
      const [a, b] = [await open('a'), await open('b')]
      const bare = b.address().replace(/\/p2p\/.*$/, '')
      a.transport.dial(bare)
      await stage.until(() => a.links.has(b.transport.self), 'a link')
      expect(a.ups[0]?.address).toBe(bare)
    })

    test('frames arrive whole, once and in order, each way, joined from their parts', async () => {
      const [a, b] = [await open('a'), await open('b')]
      await linked(a, b)
      const sent = Array.from({ length: 500 }, (_, i) => `frame ${i}`)
      for (const text of sent) {
        const parts = [utf8(text.slice(0, 3)), new Uint8Array(0), utf8(text.slice(3))]
        expect(a.transport.send(b.transport.self, parts)).toBe(true)
        expect(b.transport.send(a.transport.self, [utf8(text)])).toBe(true)
      }
      await stage.until(() => a.frames.length + b.frames.length >= 1_000, 'all frames')
      expect(a.texts()).toEqual(sent)
      expect(b.texts()).toEqual(sent)
    })

    test('an empty frame is a frame', async () => {
      const [a, b] = [await open('a'), await open('b')]
      await linked(a, b)
      a.transport.send(b.transport.self, [])
      await stage.until(() => b.frames.length === 1, 'the frame')
      expect(b.frames[0]?.frame.length).toBe(0)
    })

    test('a frame of 9 MiB arrives, by either channel, and can be kept', async () => {
      const [a, b] = [await open('a'), await open('b')]
      await linked(a, b)
      const big = new Uint8Array(9 * MIB)
      for (let i = 0; i < big.length; i += 997) big[i] = i % 251
      expect(a.transport.send(b.transport.self, [big], 'bulk')).toBe(true)
      expect(a.transport.send(b.transport.self, [utf8('small')], 'main')).toBe(true)
      expect(b.transport.send(a.transport.self, [big.subarray(0, 5 * MIB)])).toBe(true)
      await stage.until(() => b.frames.length === 2 && a.frames.length === 1, 'the big frames')
      const arrived = b.frames.find(({ channel }) => channel === 'bulk')?.frame
      expect(Buffer.compare(arrived ?? new Uint8Array(0), big)).toBe(0)
      expect(a.frames[0]?.frame.length).toBe(5 * MIB)
    })

    test('a client link has no bulk channel', async () => {
      const [client, node] = [await open('c', 'client'), await open('n')]
      await linked(client, node)
      expect(client.transport.send(node.transport.self, [utf8('x')], 'bulk')).toBe(false)
      expect(node.transport.send(client.transport.self, [utf8('x')], 'bulk')).toBe(false)
    })

    test('what is sent to nobody is not sent', async () => {
      const a = await open('a')
      expect(a.transport.send('nobody', [utf8('x')])).toBe(false)
    })

    test('a queue that is full takes no more, and takes again once it has drained', async () => {
      const [a, b] = [await open('a'), await open('b')]
      await linked(a, b)
      const chunk = new Uint8Array(MIB)
      let taken = 0
      while (taken < 64 && a.transport.send(b.transport.self, [chunk])) taken++
      expect(taken).toBeGreaterThanOrEqual(8)
      expect(taken).toBeLessThanOrEqual(17)
      expect(a.transport.fill(b.transport.self)).toBeGreaterThan(0.5)
      expect(b.transport.fill(a.transport.self)).toBeLessThan(0.1)
      expect(a.transport.fill('nobody')).toBe(0)
      await stage.until(() => b.frames.length === taken, 'what was taken')
      expect(a.transport.send(b.transport.self, [chunk])).toBe(true)
      await stage.until(() => b.frames.length === taken + 1, 'the one after')
    })

    test('a transport that stops is down at its peer, then refuses dials', async () => {
      const [a, b] = [await open('a'), await open('b')]
      await linked(a, b)
      const address = b.address()
      let stopped = false
      b.transport.stop(() => {
        stopped = true
      })
      await stage.until(() => a.downs.length === 1 && stopped, 'the stop and its echo')
      expect(a.transport.send(b.transport.self, [utf8('x')])).toBe(false)
      a.transport.dial(address)
      await stage.until(() => a.failures.length === 1, 'the refusal')
      expect(a.failures).toEqual([{ address, failure: 'refused' }])
    })

    test('a new life of a peer links again, and frames of the old link stay away', async () => {
      const [a, b] = [await open('a'), await open('b')]
      await linked(a, b)
      for (let i = 0; i < 50; i++) a.transport.send(b.transport.self, [utf8('old')])
      let stopped = false
      b.transport.stop(() => {
        stopped = true
      })
      await stage.until(() => stopped && a.downs.length === 1, 'the end of the first life')
      const again = new Recorder(await stage.open('node', b.transport.self), 'b again')
      recorders.push(again)
      again.transport.dial(a.address())
      await stage.until(() => a.links.has(b.transport.self), 'the second link')
      expect(a.helloOf(b.transport.self)).toBe('b again')
      a.transport.send(b.transport.self, [utf8('new')])
      await stage.until(() => again.frames.length > 0, 'a frame on the second link')
      expect(again.texts()).toEqual(['new'])
    })

    test('a dial where nobody listens is refused', async () => {
      const a = await open('a')
      a.transport.dial(stage.deadAddress)
      await stage.until(() => a.failures.length === 1, 'the refusal')
      expect(a.failures).toEqual([{ address: stage.deadAddress, failure: 'refused' }])
    })

    test('a dial to oneself is told so, with and without the peer id', async () => {
      const a = await open('a')
      const bare = a.address().replace(/\/p2p\/.*$/, '')
      a.transport.dial(a.address())
      a.transport.dial(bare)
      await stage.until(() => a.failures.length === 2, 'both answers')
      expect(a.failures.map(({ failure }) => failure)).toEqual(['self', 'self'])
    })

    test('dials that cross make one link, by which frames go both ways', async () => {
      for (let round = 0; round < 8; round++) {
        const [a, b] = [await open(`a${round}`), await open(`b${round}`)]
        a.transport.dial(b.address())
        b.transport.dial(a.address())
        await stage.until(
          () => a.links.has(b.transport.self) && b.links.has(a.transport.self),
          'a link on both sides'
        )
        await stage.settle()
        expect([a.links.size, b.links.size]).toEqual([1, 1])
        a.transport.send(b.transport.self, [utf8('from a')])
        b.transport.send(a.transport.self, [utf8('from b')])
        await stage.until(() => a.frames.length > 0 && b.frames.length > 0, 'frames both ways')
        expect([a.ups.length, b.ups.length, a.downs.length, b.downs.length]).toEqual([1, 1, 0, 0])
      }
    })

    test('a dial while the link stands does nothing', async () => {
      const [a, b] = [await open('a'), await open('b')]
      await linked(a, b)
      a.transport.dial(b.address())
      b.transport.dial(a.address())
      a.transport.dial(b.address().replace(/\/p2p\/.*$/, ''))
      await stage.settle()
      expect([a.ups.length, b.ups.length, a.downs.length, b.downs.length]).toEqual([1, 1, 0, 0])
      a.transport.send(b.transport.self, [utf8('still')])
      await stage.until(() => b.frames.length === 1, 'a frame')
    })

    test('close ends the link with its reason, never from inside the call', async () => {
      const [a, b] = [await open('a'), await open('b')]
      await linked(a, b)
      a.transport.close(b.transport.self, 'enough')
      expect(a.downs).toEqual([])
      expect(a.transport.send(b.transport.self, [utf8('x')])).toBe(false)
      await stage.until(() => a.downs.length === 1 && b.downs.length === 1, 'both downs')
      expect(a.downs).toEqual([{ peer: b.transport.self, reason: 'enough' }])
      await linked(a, b)
    })

    test('nothing comes from a link that a handler closed', async () => {
      const [a, b] = [await open('a'), await open('b')]
      await linked(a, b)
      b.onFrame = () => b.transport.close(a.transport.self, 'one is enough')
      for (let i = 0; i < 20; i++) a.transport.send(b.transport.self, [utf8(`${i}`)])
      await stage.until(() => b.downs.length === 1 && a.downs.length === 1, 'both downs')
      expect(b.texts()).toEqual(['0'])
    })

    test('a stopped transport tells nobody anything', async () => {
      const [a, b] = [await open('a'), await open('b')]
      await linked(a, b)
      a.transport.dial(stage.deadAddress)
      a.transport.stop(() => {})
      await stage.until(() => b.downs.length === 1, 'the echo')
      await stage.settle()
      expect(a.downs).toEqual([])
      expect(a.failures).toEqual([])
    })
  })
}
