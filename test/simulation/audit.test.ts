import { expect, test } from 'vitest'
import { SimulatedCluster } from '../../src/simulation/cluster.ts'
import { World } from '../../src/simulation/world.ts'
import { decodeBody, encodeBody } from '../../src/state/entry-body.ts'
import { utf8 } from '../../src/wire/bytes.ts'
import { decodeCommand, encodeCommand } from '../../src/wire/command.ts'

// Goal: a replica whose state is not what its entries made of it stops serving, and the others go
// on. Method: let one replica's state machine apply something else.

const key = utf8('key')

function formed(seed: string): SimulatedCluster {
  const cluster = new SimulatedCluster(new World(seed), {
    nodes: 3,
    replicas: 3,
    partitions: 1,
    clients: 1,
    limits: {}
  })
  cluster.boot()
  expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
  return cluster
}

function reads(cluster: SimulatedCluster): string | undefined {
  let value: Uint8Array | undefined
  let done = false
  cluster.clients[0]?.call({ kind: 'get', key, consistency: 'strong' }, 4_000, (outcome) => {
    done = true
    if (outcome.ok && outcome.kind === 'get') value = outcome.record?.value
  })
  cluster.runTo(10_000, () => done)
  cluster.run(100)
  return value === undefined ? undefined : Buffer.from(value).toString()
}

function put(cluster: SimulatedCluster, value: string): boolean {
  let written = false
  const operation = { type: 'put', key, value: utf8(value) } as const
  cluster.clients[0]?.call({ kind: 'mutate', operation }, 4_000, (outcome) => {
    written = outcome.ok && outcome.kind === 'mutate' && outcome.result.type === 'written'
  })
  cluster.runTo(10_000, () => written)
  return written
}

/**
 * From now on this replica writes `value` whatever a put says: an apply that is not deterministic.
 */
function spoil(cluster: SimulatedCluster, at: number, value: string): void {
  const node = cluster.nodes[at]
  const state = node?.machine?.host.get(1)?.state
  if (node === undefined || state === undefined) throw new Error('no replica to spoil')
  cluster.oracles.distrust(node.name)
  const apply = state.apply.bind(state)
  state.apply = (index, term, body) => {
    const { time, commands } = decodeBody(body)
    return apply(
      index,
      term,
      encodeBody(
        time,
        commands.map((one) => changed(one, value))
      )
    )
  }
}

function changed(bytes: Uint8Array, value: string): Uint8Array {
  const command = decodeCommand(bytes)
  const { operation } = command
  if (operation.type !== 'put') return bytes
  return encodeCommand({ ...command, operation: { ...operation, value: utf8(value) } })
}

const damaged = (cluster: SimulatedCluster): (string | undefined)[] =>
  cluster.nodes.map(({ machine }) => machine?.host.get(1)?.damage)

test('replicas that hold the same are left alone', () => {
  const cluster = formed('same')
  expect(put(cluster, 'a')).toBe(true)
  cluster.run(30_000)
  expect(damaged(cluster)).toEqual([undefined, undefined, undefined])
})

test('the one replica that differs stops, says so, and the others serve on', () => {
  const cluster = formed('one differs')
  expect(put(cluster, 'a')).toBe(true)
  spoil(cluster, 1, 'rot')
  expect(put(cluster, 'b')).toBe(true)
  cluster.run(40_000)
  const [first, second, third] = damaged(cluster)
  expect([first, third]).toEqual([undefined, undefined])
  expect(second).toContain('a majority')
  expect(cluster.nodes[1]?.machine?.unready).toEqual([second])
  expect(cluster.nodes[1]?.machine?.host.get(1)?.isLeader).toBe(false)
  expect(put(cluster, 'c')).toBe(true)
})

test('a damaged replica never leads or reads again, though preferred and rebooted', () => {
  const cluster = formed('preferred differs')
  cluster.run(10_000)
  const at = cluster.nodes.findIndex(({ machine }) => machine?.host.get(1)?.isLeader)
  const node = cluster.nodes[at]
  expect(node?.name).toBe(node?.machine?.host.get(1)?.placement.members[0]?.node)
  expect(put(cluster, 'a')).toBe(true)
  spoil(cluster, at, 'rot')
  expect(put(cluster, 'b')).toBe(true)
  expect(cluster.runTo(30_000, () => node?.machine?.host.get(1)?.damage !== undefined)).toBe(true)
  node?.kill()
  cluster.run(1_000)
  node?.boot()
  expect(put(cluster, 'c')).toBe(true)
  const until = cluster.world.now + 30_000
  while (cluster.world.now < until) {
    expect(reads(cluster)).toBe('c')
    expect(node?.machine?.host.get(1)?.isLeader ?? false).toBe(false)
  }
})

test('when nobody has a majority, nobody serves', () => {
  const cluster = formed('all differ')
  expect(put(cluster, 'a')).toBe(true)
  spoil(cluster, 1, 'rot')
  spoil(cluster, 2, 'other rot')
  expect(put(cluster, 'b')).toBe(true)
  cluster.run(40_000)
  for (const reason of damaged(cluster)) expect(reason).toBeDefined()
  expect(put(cluster, 'c')).toBe(false)
})
