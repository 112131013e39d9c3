import { expect, test } from 'vitest'
import { NODE_LIMITS } from '../../../src/node/config.ts'
import { Life } from '../../../src/node/life.ts'
import { NodeMachine } from '../../../src/node/machine.ts'
import { SimulatedDisk } from '../../../src/simulation/disk.ts'
import { SimulatedNetwork } from '../../../src/simulation/network.ts'
import { addressOf } from '../../../src/simulation/node.ts'
import { SimulatedStore } from '../../../src/simulation/state-store.ts'
import { World } from '../../../src/simulation/world.ts'
import type { Transport } from '../../../src/transport/transport.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import { silent } from '../../../src/world/log.ts'

// Goal: however a node ends, all that it holds is let go, and who waits for its end hears of it.

/** A cluster of one node on a simulated disk, as `startNode` puts it together. */
class Alone {
  readonly world = new World('life')
  readonly disk = new SimulatedDisk(this.world, 'node')
  readonly store = new SimulatedStore(this.world, 'node')
  readonly machine: NodeMachine
  readonly life: Life
  /** What happened, in its order. */
  readonly told: string[] = []

  constructor() {
    const process = this.world.life('node')
    const { clock, timers, random } = process
    this.disk.attach(process)
    this.store.attach(process)
    const network = new SimulatedNetwork(this.world)
    const outer = network.endpoint(process, 'node', 'node', addressOf('node'))
    const transport: Transport = {
      self: outer.self,
      addresses: () => outer.addresses(),
      start: (handlers) => outer.start(handlers),
      dial: (address) => outer.dial(address),
      send: (...frame) => outer.send(...frame),
      fill: (...queue) => outer.fill(...queue),
      close: (...link) => outer.close(...link),
      stop: (done) => outer.stop(() => this.#tell('unlinked', done))
    }
    const store = {
      get: this.store.get.bind(this.store),
      view: this.store.view.bind(this.store),
      write: this.store.write.bind(this.store),
      compact: this.store.compact.bind(this.store),
      space: this.store.space.bind(this.store),
      close: (done: () => void) => this.store.close(() => this.#tell('closed', done))
    }
    const onFatal = (fault: Error): void => this.#tell(`fatal: ${fault.message}`)
    const opened = { store, transport, http: undefined }
    this.life = new Life({ opened, clock, timers, logger: silent, onFatal })
    this.machine = new NodeMachine({
      transport,
      store,
      disk: this.disk,
      clock,
      timers,
      random,
      logger: silent,
      limits: { ...NODE_LIMITS, diskLowBytes: 0, diskFullBytes: 0, diskReserveBytes: 0 },
      seeds: [],
      forming: { bootstrap: true, expect: 1, partitions: 2, replicas: 1 },
      http: '',
      zone: '',
      slowMs: 0,
      fatal: (fault, exitCode) => this.life.fail(fault, exitCode)
    })
    this.machine.start()
    this.life.run(this.machine)
  }

  /** Lets the world and those who wait for promises take turns. */
  async run(ms: number): Promise<void> {
    for (const end = this.world.now + ms; this.world.now < end; ) {
      this.world.runUntil(this.world.now + 10)
      for (let turns = 0; turns < 10; turns++) await Promise.resolve()
    }
  }

  put(key: string): void {
    const operation = { type: 'put', key: utf8(key), value: utf8('value') } as const
    this.machine.call({ kind: 'mutate', operation }, { timeoutMs: 5_000 }, () => {})
  }

  stop(): void {
    void this.life.stop().then(() => this.#tell('stopped'))
  }

  #tell(what: string, done = (): void => {}): void {
    this.told.push(what)
    done()
  }
}

async function ready(): Promise<Alone> {
  const alone = new Alone()
  let isReady = false
  void alone.life.ready.then(() => {
    isReady = true
  })
  await alone.run(5_000)
  expect(isReady).toBe(true)
  return alone
}

test('a node that is stopped lets go of all it holds', async () => {
  const alone = await ready()
  alone.put('key')
  alone.stop()
  alone.stop()
  await alone.run(5_000)
  expect(alone.told).toEqual(['unlinked', 'closed', 'stopped', 'stopped'])
})

test('a disk that fails while the node stops ends it, as at any other time', async () => {
  const failing: readonly ((alone: Alone) => void)[] = [
    ({ disk }) => disk.failNextSync(),
    ({ disk }) => disk.failNextAppend(),
    ({ store }) => store.failNextWrite()
  ]
  for (const fail of failing) {
    const alone = await ready()
    alone.put('key')
    alone.stop()
    fail(alone)
    await alone.run(10_000)
    const [first, second, fault, ...rest] = alone.told
    expect([first, second]).toEqual(['unlinked', 'closed'])
    expect(fault).toMatch(/^fatal: /)
    expect(rest).toEqual(['stopped'])
  }
})

test('who stops a node that has failed hears when all is let go', async () => {
  const alone = await ready()
  alone.disk.failNextSync()
  alone.put('key')
  await alone.run(100)
  alone.stop()
  await alone.run(1_000)
  expect(alone.told).toEqual(['unlinked', 'closed', expect.stringMatching(/^fatal/), 'stopped'])
})
