import { expect, test } from 'vitest'
import { utf8 } from '../../../src/wire/bytes.ts'
import type { Random } from '../../../src/world/random.ts'
import { numbers, type Process, send, Town } from './town.ts'

test('a cut swallows frames, then ends the link on both sides, and dials are unreachable', () => {
  const town = new Town('cut')
  const [a, b] = [town.process('a'), town.process('b')]
  town.link(a, b)
  send(a, b, 'on its way when the cut begins')
  town.network.cut(['a'], ['b'])
  expect(send(a, b, 1)).toBe(true)
  town.run(2_000)
  expect([b.recorder.frames.length, a.recorder.links.size, b.recorder.links.size]).toEqual([
    0, 1, 1
  ])
  town.run(10_000)
  expect(a.recorder.downs).toEqual([{ peer: 'b', reason: 'timed out' }])
  expect(b.recorder.downs).toEqual([{ peer: 'a', reason: 'timed out' }])
  a.recorder.transport.dial(b.address)
  town.run(1_000)
  expect(a.recorder.failures).toEqual([])
  town.run(3_000)
  expect(a.recorder.failures).toEqual([{ address: b.address, failure: 'unreachable' }])
})

test('a cut one way lets the other way through, until the link ends for both', () => {
  const town = new Town('one way')
  const [a, b] = [town.process('a'), town.process('b')]
  town.link(a, b)
  town.network.cut(['a'], ['b'], 'one')
  send(a, b, 'lost')
  send(b, a, 'through')
  town.run(100)
  expect([a.recorder.texts(), b.recorder.texts()]).toEqual([['through'], []])
  town.run(12_000)
  expect([a.recorder.links.size, b.recorder.links.size]).toEqual([0, 0])
})

test('a cut that heals in time costs frames and no link', () => {
  const town = new Town('healed')
  const [a, b] = [town.process('a'), town.process('b')]
  town.link(a, b)
  const heal = town.network.cut(['a'], ['b'])
  send(a, b, 'lost')
  town.run(2_000)
  heal()
  heal()
  send(a, b, 'found')
  town.run(60_000)
  expect(b.recorder.texts()).toEqual(['found'])
  expect([a.recorder.downs, b.recorder.downs]).toEqual([[], []])
})

test('cuts add up: a pair is connected when none stands', () => {
  const town = new Town('two cuts')
  const [a, b] = [town.process('a'), town.process('b')]
  const first = town.network.cut(['a'], ['b', 'c'])
  const second = town.network.cut(['b'], ['a'])
  first()
  expect(town.network.isApart('a', 'b')).toBe(true)
  second()
  expect(town.network.isApart('a', 'b')).toBe(false)
  town.link(a, b)
})

test('a queue into a cut fills up', () => {
  const town = new Town('stuck')
  const [a, b] = [town.process('a'), town.process('b')]
  town.link(a, b)
  town.network.cut(['a'], ['b'])
  const chunk = new Uint8Array(4 * 1024 * 1024)
  const taken = Array.from({ length: 6 }, () => a.recorder.transport.send('b', [chunk]))
  expect(taken).toEqual([true, true, true, true, false, false])
})

test('a killed process is down at its peers at once, and dials are refused', () => {
  const town = new Town('kill')
  const [a, b] = [town.process('a'), town.process('b')]
  town.link(a, b)
  town.kill(b)
  town.run(5)
  expect(a.recorder.downs.map(({ peer }) => peer)).toEqual(['b'])
  a.recorder.transport.dial(b.address)
  town.run(5)
  expect(a.recorder.failures).toEqual([{ address: b.address, failure: 'refused' }])
})

test('a death nobody reported is noticed by whoever sends or dials', () => {
  const town = new Town('silent death')
  const [a, b, c] = [town.process('a'), town.process('b'), town.process('c')]
  town.link(a, b)
  b.life.end()
  town.run(1_000)
  send(a, b, 'hello?')
  c.recorder.transport.dial(b.address)
  town.run(5)
  expect(a.recorder.downs.length).toBe(1)
  expect(c.recorder.failures).toEqual([{ address: b.address, failure: 'refused' }])
})

test('a kill seen across a cut is seen only when the link times out', () => {
  const town = new Town('kill behind a cut')
  const [a, b] = [town.process('a'), town.process('b')]
  town.link(a, b)
  town.network.cut(['a'], ['b'])
  town.kill(b)
  town.run(2_000)
  expect(a.recorder.downs).toEqual([])
  town.run(10_000)
  expect(a.recorder.downs.length).toBe(1)
})

test('a paused process keeps its links, answers no dial, and reads on when it wakes', () => {
  const town = new Town('pause')
  const [a, b, c] = [town.process('a'), town.process('b'), town.process('c')]
  town.link(a, b)
  b.life.pause(30_000)
  send(a, b, 1)
  send(a, b, 2)
  c.recorder.transport.dial(b.address)
  town.run(20_000)
  expect([b.recorder.frames.length, a.recorder.links.size]).toEqual([0, 1])
  expect(c.recorder.failures).toEqual([{ address: b.address, failure: 'unreachable' }])
  town.run(11_000)
  expect(numbers(b)).toEqual([1, 2])
})

test('a clog delays and keeps order', () => {
  const town = new Town('clog')
  const [a, b] = [town.process('a'), town.process('b')]
  town.link(a, b)
  send(a, b, 1)
  town.run(5)
  town.network.clog('a', 'b', 500)
  for (let i = 2; i <= 9; i++) {
    send(a, b, i)
    town.run(10)
  }
  send(b, a, 1)
  town.run(300)
  expect([numbers(b).length, numbers(a)]).toEqual([1, [1]])
  town.run(300)
  expect(numbers(b)).toEqual([1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('a reset loses what is on its way, and nothing else', () => {
  const town = new Town('reset')
  const [a, b] = [town.process('a'), town.process('b')]
  town.link(a, b)
  send(a, b, 1)
  town.run(5)
  send(a, b, 2)
  // The news travels slower than the frame did: even so the frame is lost.
  town.network.knobs.latencyMs = [50, 50]
  town.network.reset('a', 'b')
  send(a, b, 3)
  town.run(100)
  expect(numbers(b)).toEqual([1])
  expect([a.recorder.downs.length, b.recorder.downs.length]).toEqual([1, 1])
  town.link(b, a)
})

test('a frame of an earlier link never comes by a later one', () => {
  const town = new Town('late frames')
  const [a, b] = [town.process('a'), town.process('b')]
  town.link(a, b)
  Object.assign(town.network.knobs, { reorder: 1, reorderMs: 5_000, duplicate: 1 })
  for (let i = 0; i < 20; i++) send(a, b, 'old')
  town.network.reset('a', 'b')
  town.run(5)
  const before = b.recorder.frames.length
  town.link(a, b)
  town.run(10_000)
  expect(b.recorder.frames.length).toBe(before)
})

test('the wrong peer id in an address is a failed handshake', () => {
  const town = new Town('wrong id')
  const [a, b] = [town.process('a'), town.process('b')]
  const address = `${b.address}/p2p/somebody`
  a.recorder.transport.dial(address)
  town.run(100)
  expect(a.recorder.failures).toEqual([{ address, failure: 'handshake' }])
})

test('loss, duplicates and disorder come when they are asked for', () => {
  const town = new Town('knobs')
  const [a, b] = [town.process('a'), town.process('b')]
  town.link(a, b)
  const received = (): number[] => numbers(b).splice(0)
  const burst = (knobs: { loss?: number; duplicate?: number; reorder?: number }): number[] => {
    Object.assign(town.network.knobs, { loss: 0, duplicate: 0, reorder: 0 }, knobs)
    b.recorder.frames.length = 0
    for (let i = 0; i < 200; i++) {
      send(a, b, i)
      town.run(0.1)
    }
    town.run(100)
    return received()
  }
  const all = Array.from({ length: 200 }, (_, i) => i)
  expect(burst({})).toEqual(all)
  const lossy = burst({ loss: 0.3 })
  expect(lossy.length).toBeGreaterThan(100)
  expect(lossy.length).toBeLessThan(180)
  const twice = burst({ duplicate: 0.5 })
  expect(twice.length).toBeGreaterThan(250)
  expect([...new Set(twice)]).toEqual(all)
  const shuffled = burst({ reorder: 0.2 })
  expect(shuffled).not.toEqual(all)
  expect(shuffled.toSorted((x, y) => x - y)).toEqual(all)
})

/** Three processes under every fault, redialling all the time. */
class Storm {
  readonly town: Town
  readonly all: readonly Process[]
  readonly #random: Random
  readonly #heals: (() => void)[] = []

  constructor(seed: string) {
    this.town = new Town(seed)
    this.#random = this.town.world.random.fork('storm')
    this.all = ['a', 'b', 'c'].map((name) => this.town.process(name))
    Object.assign(this.town.network.knobs, { loss: 0.1, duplicate: 0.1, reorder: 0.1 })
  }

  rage(steps: number): void {
    for (let step = 0; step < steps; step++) {
      const [x, y] = [this.#pick(), this.#pick()]
      this.#fault(x, y)
      if (this.#random.below(3) === 0) this.redial()
      for (const to of x.recorder.links.keys()) {
        // Addressed to one life: a frame that lands in another one is seen.
        x.recorder.transport.send(to, [utf8(x.recorder.helloOf(to) ?? '')])
      }
      if (this.#random.below(20) === 0) x.recorder.transport.close(y.peer, 'on a whim')
      this.town.run(this.#random.below(400))
    }
  }

  /** Every fault ends, and everybody dials until nothing more can come of it. */
  calm(): void {
    this.town.network.healAll()
    Object.assign(this.town.network.knobs, { loss: 0, duplicate: 0, reorder: 0 })
    this.town.run(20_000)
    for (let i = 0; i < 5; i++) {
      this.redial()
      this.town.run(5_000)
    }
  }

  redial(): void {
    for (const from of this.all) {
      for (const to of this.all) {
        if (from !== to && from.life.alive) from.recorder.transport.dial(to.address)
      }
    }
  }

  #pick(): Process {
    return this.all[this.#random.below(this.all.length)] as Process
  }

  #fault(x: Process, y: Process): void {
    const { network } = this.town
    const kind = this.#random.below(40)
    if (kind === 0) this.#heals.push(network.cut([x.peer], [y.peer], 'one'))
    else if (kind === 1) this.#heals.push(network.cut([x.peer], [y.peer]))
    else if (kind === 2) for (const heal of this.#heals.splice(0)) heal()
    else if (kind === 3) network.reset(x.peer, y.peer)
    else if (kind === 4) x.life.pause(this.#random.below(5_000))
    else if (kind === 5) network.clog(x.peer, y.peer, this.#random.below(2_000))
    else if (kind === 6) {
      expect(x.recorder.breaches).toEqual([])
      this.town.kill(x)
      this.town.run(this.#random.below(20))
      this.town.restart(x)
    }
  }
}

function storm(seed: string): Town {
  const { town, all } = weathered(new Storm(seed))
  for (const { recorder, life } of all) {
    expect(recorder.texts().filter((text) => text !== `hello of ${life.name}`)).toEqual([])
    recorder.frames.length = 0
  }
  for (const from of all) {
    for (const to of all) if (from !== to) expect(send(from, to, from.peer)).toBe(true)
  }
  town.run(100)
  for (const { recorder, peer } of all) {
    expect(recorder.breaches).toEqual([])
    expect(recorder.links.size).toBe(2)
    const others = all.map((it) => it.peer).filter((it) => it !== peer)
    expect(recorder.texts().toSorted((x, y) => ((x ?? '') < (y ?? '') ? -1 : 1))).toEqual(others)
  }
  return town
}

function weathered(it: Storm): Storm {
  it.rage(300)
  it.calm()
  return it
}

test('after any storm everybody is linked once with everybody, on the same links', () => {
  for (let i = 0; i < 60; i++) storm(`storm ${i}`)
})

test('the same seed gives the same trace, another seed another', () => {
  const traces = ['x', 'x', 'y'].map((seed) => storm(seed).world.traceHash)
  expect(traces[0]).toBe(traces[1])
  expect(traces[0]).not.toBe(traces[2])
})
