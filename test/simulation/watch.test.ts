import { expect, test } from 'vitest'
import type { CallOperation, CallOutcome } from '../../src/client/inputs.ts'
import { Watcher, type WatchItem, type WatchRequest } from '../../src/client/watcher.ts'
import type { NodeLimits } from '../../src/node/config.ts'
import { SimulatedCluster } from '../../src/simulation/cluster.ts'
import type { SimulatedNode } from '../../src/simulation/node.ts'
import { World } from '../../src/simulation/world.ts'
import { utf8, utf8Text } from '../../src/wire/bytes.ts'
import type { DataOperation } from '../../src/wire/data-operation.ts'
import { groupOfPartition } from '../../src/wire/ids.ts'
import { spanOfPrefix } from '../../src/wire/scan.ts'

// Goal: a watch keeps the six promises of docs/watch.md, told one by one; with leaders that die,
// nodes without a history, and histories that are too short.

const PARTITIONS = 4

class Watched {
  readonly cluster: SimulatedCluster
  readonly items: WatchItem[] = []
  watcher: Watcher
  news = 0

  constructor(seed: string, limits: Partial<NodeLimits> = {}) {
    const options = { nodes: 3, replicas: 3, partitions: PARTITIONS, clients: 2, limits }
    this.cluster = new SimulatedCluster(new World(seed), options)
    this.cluster.boot()
    expect(this.cluster.runTo(20_000, () => this.cluster.isHealthy)).toBe(true)
    this.cluster.run(2_000)
    this.watcher = this.watch({})
  }

  /** Of all keys that begin with `a`. */
  watch(request: Partial<WatchRequest>): Watcher {
    this.watcher?.close()
    const driver = this.cluster.clients[0]?.driver
    if (driver === undefined) throw new Error('no client')
    const whole: WatchRequest = {
      span: spanOfPrefix(utf8('a')),
      groupsOf: (count) => Array.from({ length: count }, (_, i) => groupOfPartition(i)),
      timeoutMs: 5_000,
      ...request
    }
    this.watcher = new Watcher(driver, whole, () => this.news++)
    this.watcher.start()
    return this.watcher
  }

  /** All there is to take, until `ms` bring nothing more. */
  drain(ms = 4_000): readonly WatchItem[] {
    const fresh: WatchItem[] = []
    this.cluster.runTo(ms, () => {
      for (let item = this.watcher.take(); item !== undefined; item = this.watcher.take()) {
        fresh.push(item)
      }
      return this.watcher.failure !== undefined
    })
    this.items.push(...fresh)
    return fresh
  }

  write(operation: DataOperation): void {
    this.#end({ kind: 'mutate', operation })
  }

  put(key: string, value: string, more: { ttlMs?: number } = {}): void {
    this.write({ type: 'put', key: utf8(key), value: utf8(value), ...more })
  }

  transact(writes: readonly DataOperation[]): void {
    this.#end({ kind: 'transact', checks: [], writes, inOrder: false })
  }

  leaderOf(group: number): SimulatedNode {
    const node = this.cluster.nodes.find(({ machine }) => machine?.host.get(group)?.isLeader)
    if (node === undefined) throw new Error(`nobody leads ${group}`)
    return node
  }

  #end(operation: CallOperation): void {
    let outcome: CallOutcome | undefined
    this.cluster.clients[1]?.driver.call(operation, { timeoutMs: 8_000 }, (end) => {
      outcome = end
    })
    this.cluster.runTo(10_000, () => outcome !== undefined)
    if (!outcome?.ok) throw new Error(`not done: ${JSON.stringify(outcome)}`)
  }
}

const told = (items: readonly WatchItem[]): string[] =>
  items.flatMap((item) => {
    if (item.type === 'progress') return []
    const { key, value, expired } = item.change
    const what = value === undefined ? (expired ? 'expired' : 'deleted') : utf8Text(value)
    return [`${utf8Text(key)} ${what}`]
  })

const cursorAfter = (items: readonly WatchItem[], index = items.length - 1): string =>
  items[index]?.cursor ?? ''

test('ordered', () => {
  const on = new Watched('ordered')
  on.drain()
  for (let i = 0; i < 5; i++) for (const key of ['a1', 'a2', 'b']) on.put(key, `${i}`)
  on.write({ type: 'delete', key: utf8('a1') })
  const all = told(on.drain())
  const of = (key: string): string[] => all.filter((line) => line.startsWith(key))
  expect(of('a1')).toEqual([0, 1, 2, 3, 4, 'deleted'].map((what) => `a1 ${what}`))
  expect(of('a2')).toEqual([0, 1, 2, 3, 4].map((what) => `a2 ${what}`))
  expect(of('b')).toEqual([])
})

test('unique and reliable: over the death of leaders each change comes once', () => {
  const on = new Watched('unique')
  on.drain()
  const wanted: string[] = []
  for (let round = 0; round < 6; round++) {
    for (let i = 0; i < 4; i++) {
      on.put(`a${i}`, `${round}`)
      wanted.push(`a${i} ${round}`)
    }
    const victim = on.leaderOf(1 + (round % PARTITIONS))
    victim.kill()
    on.drain(500)
    victim.boot()
  }
  on.drain(8_000)
  expect(told(on.items).sort()).toEqual(wanted.sort())
})

test('atomic: what a transaction changes in a partition comes together', () => {
  const on = new Watched('atomic')
  on.drain()
  const put = (key: string, value: string) =>
    ({ type: 'put', key: utf8(key), value: utf8(value) }) as const
  on.transact([put('a{x}1', '1'), put('a{x}2', '2'), put('a{y}1', '3'), put('a{y}2', '4')])
  const items = on.drain()
  const all = told(items)
  expect(all.toSorted()).toEqual(['a{x}1 1', 'a{x}2 2', 'a{y}1 3', 'a{y}2 4'])
  expect(Math.abs(all.indexOf('a{x}1 1') - all.indexOf('a{x}2 2'))).toBe(1)
  const middle = items.findIndex((item) => item.type === 'change')
  on.watch({ from: cursorAfter(items, middle) })
  expect(told(on.drain())).toHaveLength(3)
})

test('resumable: from any cursor it goes on right behind it, also at other nodes', () => {
  const on = new Watched('resumable')
  on.drain()
  for (let i = 0; i < 12; i++) on.put(`a${i % 3}`, `${i}`)
  const items = on.drain()
  const all = told(items)
  const changes = items.filter((item) => item.type === 'change')
  for (const at of [0, 5, 11]) {
    on.leaderOf(1 + (at % PARTITIONS)).kill()
    on.watch({ from: cursorAfter(changes, at) })
    const rest = told(on.drain(6_000))
    expect(rest.toSorted()).toEqual(all.slice(at + 1).toSorted())
    for (const node of on.cluster.nodes) if (node.machine === undefined) node.boot()
    on.cluster.runTo(20_000, () => on.cluster.isHealthy)
  }
})

test('bookmarkable: a progress comes at once, and again, and all before it was told', () => {
  const on = new Watched('bookmarkable')
  on.put('a1', 'before')
  on.watch({})
  expect(on.drain(3_000)).toEqual([{ type: 'progress', cursor: on.watcher.cursor }])
  on.put('a1', 'after')
  const later = on.drain(21_000)
  expect(told(later)).toEqual(['a1 after'])
  expect(later.filter(({ type }) => type === 'progress').length).toBeGreaterThanOrEqual(2)
  on.watch({ from: cursorAfter(later) })
  expect(told(on.drain(3_000))).toEqual([])
})

test('an expired key that is written over is gone, and then there', () => {
  const on = new Watched('expiry')
  on.drain()
  on.put('a', 'old', { ttlMs: 50 })
  on.cluster.run(200)
  on.put('a', 'new')
  const items = on.drain()
  expect(told(items)).toEqual(['a old', 'a expired', 'a new'])
  const revisions = items.flatMap((item) => (item.type === 'change' ? [item.change.revision] : []))
  expect(revisions).toEqual(revisions.toSorted((a, b) => a - b))
  expect(new Set(revisions).size).toBe(3)
})

test('what nobody remembers is compacted, and said so', () => {
  const on = new Watched('compacted', { historyChangesMax: 3 })
  const [first] = on.drain()
  on.watcher.close()
  for (let i = 0; i < 40; i++) on.put(`a${i}`, `${i}`)
  on.watch({ from: first?.cursor ?? '' })
  on.drain(8_000)
  expect(on.watcher.failure?.code).toBe('compacted')
})

test('a node without the history sends a watcher to one that has it', () => {
  const on = new Watched('history')
  const [first] = on.drain()
  on.watcher.close()
  for (let i = 0; i < 8; i++) on.put(`a${i}`, `${i}`)
  on.cluster.run(3_000)
  for (const node of on.cluster.nodes.slice(0, 2)) {
    node.kill()
    node.boot()
    on.cluster.runTo(20_000, () => on.cluster.isHealthy)
  }
  on.cluster.run(3_000)
  on.watch({ from: first?.cursor ?? '' })
  expect(told(on.drain(6_000))).toHaveLength(8)
})

test('one who reads slowly holds little, and misses nothing', () => {
  const on = new Watched('slow')
  on.drain()
  const value = 'x'.repeat(50_000)
  for (let i = 0; i < 60; i++) on.put(`a${i % 7}`, value)
  on.cluster.run(5_000)
  let most = 0
  const { door } = on.leaderOf(1).machine ?? {}
  most = Math.max(most, door?.insideBytes ?? 0)
  expect(most).toBeLessThan(100_000)
  expect(told(on.drain(6_000))).toHaveLength(60)
})

test.each([
  ['of another cluster', '1-00000000-4-1.1.1.1'],
  ['of other partitions', '1-$cluster-8-1.1.1.1.1.1.1.1'],
  ['of a single partition', '1-$cluster-4-1_5'],
  ['no cursor at all', 'hello']
])('a cursor %s is refused', (_, text) => {
  const on = new Watched('refused')
  const id = on.cluster.clients[0]?.driver.view?.map.clusterId ?? ''
  on.watch({ from: text.replace('$cluster', id.slice(0, 8)) })
  on.drain(2_000)
  expect(on.watcher.failure?.code).toBe('invalid_argument')
})

test('a cursor of what never was is refused, and not waited for', () => {
  const on = new Watched('ahead')
  on.drain()
  const id = on.cluster.clients[0]?.driver.view?.map.clusterId ?? ''
  on.watch({ from: `1-${id.slice(0, 8)}-4-zzzzz.zzzzz.zzzzz.zzzzz` })
  on.drain(8_000)
  expect(on.watcher.failure?.code).toBe('invalid_argument')
})
