import { expect, test } from 'vitest'
import { SimulatedClient } from '../../src/simulation/client.ts'
import { SimulatedDisk } from '../../src/simulation/disk.ts'
import { SimulatedNetwork } from '../../src/simulation/network.ts'
import { addressOf, SimulatedNode } from '../../src/simulation/node.ts'
import { SimulatedStore } from '../../src/simulation/state-store.ts'
import { World } from '../../src/simulation/world.ts'
import { utf8 } from '../../src/wire/bytes.ts'
import type { NodeRecord } from '../../src/wire/cluster-map.ts'
import { encodeNodeRecord } from '../../src/wire/cluster-map-codec.ts'
import { CLIENT_HELLO, encodeHello } from '../../src/wire/hello.ts'

// Goal: a cluster is formed once, of the nodes that were asked for, and lets nobody in whose disk
// is not the registered one. Method: single nodes in a simulated world, started by hand.

interface Options {
  readonly bootstrap?: boolean
  readonly expect?: number
  readonly seeds?: readonly string[]
}

class Stage {
  readonly world: World
  readonly network: SimulatedNetwork
  readonly nodes: SimulatedNode[] = []
  readonly ended: { readonly name: string; readonly message: string }[] = []

  constructor(seed: string) {
    this.world = new World(seed)
    this.network = new SimulatedNetwork(this.world)
  }

  node(name: string, { bootstrap = false, expect: nodes = 3, seeds = ['node1'] }: Options = {}) {
    const node = new SimulatedNode(this.world, this.network, {
      name,
      seeds: seeds.filter((seed) => seed !== name).map(addressOf),
      forming: { bootstrap, expect: nodes, partitions: 4, replicas: 3 },
      limits: {},
      onFatal: ({ name: ended }, { message }) => this.ended.push({ name: ended, message })
    })
    this.nodes.push(node)
    return node
  }

  run(ms: number): void {
    this.world.runUntil(this.world.now + ms)
  }

  /** Three nodes, formed and ready. */
  formed(): void {
    this.node('node1', { bootstrap: true })
    this.node('node2')
    this.node('node3')
    for (const node of this.nodes) node.boot()
    this.run(10_000)
    expect(this.nodes.map(reasons)).toEqual([[], [], []])
  }

  /** A put and a strong get through `seed`, by a client of its own. */
  serves(seed: string, value: string): boolean {
    const name = `client${this.world.now.toFixed(0)}`
    const client = new SimulatedClient(this.world, this.network, name, [addressOf(seed)])
    const key = utf8('key')
    let read: Uint8Array | undefined
    const operation = { type: 'put', key, value: utf8(value) } as const
    client.call({ kind: 'mutate', operation }, 4_000, () => {
      client.call({ kind: 'get', key, consistency: 'strong' }, 4_000, (outcome) => {
        if (outcome.ok && outcome.kind === 'get') read = outcome.record?.value
      })
    })
    this.run(10_000)
    return read !== undefined && Buffer.from(read).toString() === value
  }
}

const reasons = (node: SimulatedNode): readonly string[] => node.machine?.unready ?? ['down']
const clusterOf = (node: SimulatedNode): string | undefined =>
  node.machine?.membership.identity.clusterId

test('nodes that share only a seed find each other and form one cluster', () => {
  const stage = new Stage('forming')
  stage.formed()
  expect(new Set(stage.nodes.map(clusterOf)).size).toBe(1)
  expect(stage.serves('node3', 'a')).toBe(true)
})

test('the bootstrapper waits for all the nodes it expects', () => {
  const stage = new Stage('waiting')
  const first = stage.node('node1', { bootstrap: true })
  stage.node('node2').boot()
  first.boot()
  stage.run(30_000)
  expect(clusterOf(first)).toBe('')
  stage.node('node3').boot()
  stage.run(10_000)
  expect(stage.nodes.map(reasons)).toEqual([[], [], []])
})

test('the seed may be a node that does not bootstrap', () => {
  const stage = new Stage('other seed')
  stage.node('node1').boot()
  stage.node('node2', { bootstrap: true }).boot()
  stage.node('node3').boot()
  stage.run(10_000)
  expect(stage.nodes.map(reasons)).toEqual([[], [], []])
})

test('two bootstrappers that meet both end and say why', () => {
  const stage = new Stage('two bootstrappers')
  stage.node('node1', { bootstrap: true }).boot()
  stage.node('node2', { bootstrap: true }).boot()
  stage.run(10_000)
  expect(stage.ended.map(({ name }) => name).sort()).toEqual(['node1', 'node2'])
  for (const { message } of stage.ended) expect(message).toContain('--bootstrap')
})

test('all nodes may restart in any order, with --bootstrap still given', () => {
  const stage = new Stage('restart')
  stage.formed()
  const cluster = clusterOf(stage.nodes[0] as SimulatedNode)
  expect(stage.serves('node1', 'before')).toBe(true)
  for (const node of stage.nodes) node.kill()
  for (const node of [...stage.nodes].reverse()) {
    stage.run(2_000)
    node.boot()
  }
  stage.run(10_000)
  expect(stage.nodes.map(reasons)).toEqual([[], [], []])
  expect(stage.nodes.map(clusterOf)).toEqual([cluster, cluster, cluster])
  expect(stage.serves('node2', 'after')).toBe(true)
})

test('a further node joins through any seed and serves as a gateway', () => {
  const stage = new Stage('gateway')
  stage.formed()
  const fourth = stage.node('node4', { seeds: ['node2'] })
  fourth.boot()
  stage.run(10_000)
  expect(reasons(fourth)).toEqual([])
  expect(clusterOf(fourth)).toBe(clusterOf(stage.nodes[0] as SimulatedNode))
  expect([...(fourth.machine?.host.replicas() ?? [])]).toEqual([])
  for (const { machine } of stage.nodes) {
    expect(machine?.membership.map?.nodes.map(({ id }) => id)).toContain('node4')
  }
})

test('a wiped disk under an old name is not let in', () => {
  const stage = new Stage('wiped')
  stage.formed()
  const wiped = stage.nodes[2] as SimulatedNode
  wiped.kill()
  stage.run(1_000)
  const disk = new SimulatedDisk(stage.world, 'another disk')
  const store = new SimulatedStore(stage.world, 'another disk')
  Object.assign(wiped, { disk, store })
  wiped.boot()
  stage.run(20_000)
  expect(clusterOf(wiped)).not.toBe(clusterOf(stage.nodes[0] as SimulatedNode))
  expect(wiped.machine === undefined || reasons(wiped).length > 0).toBe(true)
  expect(stage.serves('node1', 'still')).toBe(true)
})

test('a node of another cluster is not let in', () => {
  const stage = new Stage('other cluster')
  stage.formed()
  const alone = stage.node('node9', { bootstrap: true, expect: 1, seeds: [] })
  alone.boot()
  stage.run(5_000)
  expect(reasons(alone)).toEqual([])
  alone.kill()
  const { disk, store } = alone
  const back = stage.node('node9', { seeds: ['node1'] })
  Object.assign(back, { disk, store })
  back.boot()
  stage.run(10_000)
  const known = stage.nodes[0]?.machine?.membership.map?.nodes.map(({ id }) => id)
  expect(known).toEqual(['node1', 'node2', 'node3'])
})

test('a cluster of one serves and keeps its data', () => {
  const stage = new Stage('one')
  const only = stage.node('node1', { bootstrap: true, expect: 1, seeds: [] })
  only.boot()
  stage.run(5_000)
  expect(reasons(only)).toEqual([])
  expect(stage.serves('node1', 'x')).toBe(true)
  only.kill()
  only.boot()
  stage.run(5_000)
  expect(reasons(only)).toEqual([])
})

class Killed extends Error {}

/** Ends `node` right after it has written `file` for the first time. */
function killAfter(node: SimulatedNode, file: string): void {
  const replace = node.disk.replace.bind(node.disk)
  let armed = true
  node.disk.replace = (name, bytes) => {
    replace(name, bytes)
    if (!armed || name !== file) return
    armed = false
    throw new Killed(`after ${file}`)
  }
}

/** Runs until the kill has struck; returns whether it did. */
function runToKill(stage: Stage, victim: SimulatedNode): boolean {
  try {
    stage.run(10_000)
    return false
  } catch (error) {
    if (!(error instanceof Killed)) throw error
    victim.kill()
    return true
  }
}

const steps = ['founding-map', 'cluster-map', 'identity.json']
test.each(['node1', 'node2'].flatMap((name) => steps.map((file) => [name, file] as const)))(
  'a kill of %s right after it wrote its %s only delays the forming',
  (name, file) => {
    const stage = new Stage(`kill ${name} ${file}`)
    stage.node('node1', { bootstrap: true })
    stage.node('node2')
    stage.node('node3')
    const victim = stage.nodes.find((node) => node.name === name) as SimulatedNode
    for (const node of stage.nodes) if (node !== victim) node.boot()
    // The first identity is written when the node starts; the one that matters comes with the map.
    if (file === 'identity.json') victim.boot()
    killAfter(victim, file)
    if (file !== 'identity.json') victim.boot()
    expect(runToKill(stage, victim)).toBe(true)
    stage.run(5_000)
    victim.boot()
    stage.run(30_000)
    expect(stage.nodes.map(reasons)).toEqual([[], [], []])
    expect(stage.serves('node3', 'formed')).toBe(true)
  }
)

test('a node that says odd things of itself is refused and harms nobody', () => {
  const stage = new Stage('odd hello')
  const first = stage.node('node1', { bootstrap: true, expect: 2 })
  first.boot()
  const odd = stage.world.life('odd')
  const transport = stage.network.endpoint(odd, 'odd', 'node', '')
  const reasonsHeard: string[] = []
  transport.start({
    hello: () =>
      encodeHello({
        ...CLIENT_HELLO,
        client: false,
        nodeId: 'odd',
        storeId: '',
        addresses: ['x'.repeat(600)]
      }),
    up: () => {},
    frame: () => {},
    down: (_, reason) => reasonsHeard.push(reason),
    dialFailed: () => {}
  })
  transport.dial(addressOf('node1'))
  stage.run(5_000)
  expect(reasonsHeard).toHaveLength(1)
  expect(clusterOf(first)).toBe('')
  expect(stage.ended).toEqual([])
})

test('a client cannot register a node', () => {
  const stage = new Stage('client registers')
  stage.formed()
  const client = new SimulatedClient(stage.world, stage.network, 'client', [addressOf('node1')])
  const record = stage.nodes[1]?.machine?.membership.record
  const node = encodeNodeRecord({ ...(record as NodeRecord), addresses: ['/sim/elsewhere'] })
  let told = ''
  const operation = { type: 'register-node', node } as const
  client.call({ kind: 'mutate', group: 0, operation }, 4_000, (outcome) => {
    told = outcome.ok ? 'ok' : `${outcome.failure.code} ${outcome.failure.outcome}`
  })
  stage.run(10_000)
  expect(told).toBe('forbidden not_applied')
  expect(stage.nodes[0]?.machine?.membership.map?.epoch).toBe(1)
})
