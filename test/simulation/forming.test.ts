import { expect, test } from 'vitest'
import { SimulatedClient } from '../../src/simulation/client.ts'
import { SimulatedNetwork } from '../../src/simulation/network.ts'
import { addressOf, SimulatedNode } from '../../src/simulation/node.ts'
import { World } from '../../src/simulation/world.ts'
import { utf8 } from '../../src/wire/bytes.ts'

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
      observe: undefined,
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
  stage.nodes[2]?.kill()
  stage.run(1_000)
  const wiped = stage.node('node3')
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
