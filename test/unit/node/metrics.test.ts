import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import { HTTP_METRICS } from '../../../src/gateway/http-metrics.ts'
import { metricsText } from '../../../src/gateway/metrics-text.ts'
import { NODE_METRICS } from '../../../src/node/metrics.ts'
import { survey } from '../../../src/node/survey.ts'
import { SimulatedCluster } from '../../../src/simulation/cluster.ts'
import { World } from '../../../src/simulation/world.ts'
import { DiskCounts } from '../../../src/storage/metered-disk.ts'
import { utf8 } from '../../../src/wire/bytes.ts'
import type { Metric } from '../../../src/world/metric.ts'
import { parseMetrics, type Scrape, total } from '../gateway/metrics-parser.ts'

const ALL: readonly Pick<Metric<never>, 'name' | 'type' | 'labels' | 'help'>[] = [
  ...HTTP_METRICS,
  ...NODE_METRICS
]

test('docs/metrics.md lists every metric as it is, and no other', () => {
  const rows = readFileSync('docs/metrics.md', 'utf8')
    .split('\n')
    .map((line) => /^\| `(keymesh_\w+)` \| (\w+) \| ([\w, ]*)\|/.exec(line))
    .flatMap((row) => (row === null ? [] : [`${row[1]} ${row[2]} ${(row[3] ?? '').trim()}`]))
  const known = ALL.map(({ name, type, labels }) => `${name} ${type} ${labels.join(', ')}`)
  expect(rows.sort()).toEqual(known.sort())
})

test('names are those Prometheus expects', () => {
  expect(new Set(ALL.map(({ name }) => name)).size).toBe(ALL.length)
  for (const { name, type, help } of ALL) {
    expect(name).toMatch(/^keymesh_[a-z]+(_[a-z]+)*$/)
    expect(name.endsWith('_total'), name).toBe(type === 'counter')
    if (/duration|offset/.test(name)) expect(name).toMatch(/_seconds$/)
    expect(help).toMatch(/^[A-Z].*\.$/)
  }
})

/** Three nodes of which the first was asked for `puts` and `gets` by a client. */
function scrapes(puts: number, gets: number): Scrape[] {
  const world = new World('metrics')
  const shape = { nodes: 3, replicas: 3, partitions: 4, clients: 1, limits: {} }
  const cluster = new SimulatedCluster(world, shape)
  cluster.boot()
  expect(cluster.runTo(20_000, () => cluster.isHealthy)).toBe(true)
  const [client] = cluster.clients
  let left = puts + gets + 1
  const done = (): void => void left--
  const key = utf8('key')
  for (let i = 0; i < puts; i++) {
    const operation = { type: 'put', key, value: utf8(`${i}`) } as const
    client?.call({ kind: 'mutate', operation }, 5_000, done)
  }
  for (let i = 0; i < gets; i++) {
    client?.call({ kind: 'get', key, consistency: 'strong' }, 5_000, done)
  }
  const notAfter = (client?.life.clock.wall() ?? 0) + 60_000
  const once = { key, digest: new Uint8Array(32), notAfter }
  client?.call({ kind: 'mutate', operation: { type: 'claim', once } }, 5_000, done)
  expect(cluster.runTo(20_000, () => left === 0)).toBe(true)
  cluster.run(3_000)
  return cluster.nodes.map(({ machine }) => {
    if (machine === undefined) throw new Error('a node is down')
    const source = {
      machine,
      groups: survey(machine.host),
      traffic: [],
      disk: new DiskCounts()
    }
    return parseMetrics(metricsText(NODE_METRICS, source))
  })
}

test('the figures of a cluster are what was done to it', () => {
  const all = scrapes(20, 7)
  const sum = (name: string, labels = {}): number =>
    all.reduce((before, scrape) => before + total(scrape, name, labels), 0)
  const [first] = all as [Scrape]
  expect(sum('keymesh_requests_total', { door: 'client', kind: 'put', code: 'ok' })).toBe(20)
  expect(sum('keymesh_requests_total', { door: 'client', kind: 'get', code: 'ok' })).toBe(7)
  expect(
    sum('keymesh_request_duration_seconds_count', { door: 'client', kind: 'put' })
  ).toBeGreaterThanOrEqual(20)
  // Four partitions and the system group, on three nodes.
  expect(sum('keymesh_groups')).toBe(15)
  expect(sum('keymesh_groups_led')).toBe(5)
  expect(sum('keymesh_groups_leaderless')).toBe(0)
  const event = (name: string): number => sum('keymesh_raft_leaderships_total', { event: name })
  expect(event('won') - event('lost')).toBe(5)
  expect(sum('keymesh_raft_elections_total')).toBeGreaterThanOrEqual(5)
  expect(total(first, 'keymesh_raft_term_max')).toBeGreaterThanOrEqual(1)
  expect(sum('keymesh_raft_entry_commands_sum')).toBeGreaterThanOrEqual(20)
  expect(sum('keymesh_keys')).toBe(3)
  expect(total(first, 'keymesh_group_sessions_max')).toBe(1)
  expect(total(first, 'keymesh_group_sessions_kept_max')).toBe(1)
  expect(sum('keymesh_idempotency_keys')).toBe(3)
  expect(sum('keymesh_group_idempotency_keys_max')).toBe(3)
  expect(sum('keymesh_raft_commit_lag_entries')).toBe(0)
  expect(sum('keymesh_raft_follower_lag_max_entries')).toBe(0)
  expect(sum('keymesh_read_round_duration_seconds_count')).toBeGreaterThanOrEqual(1)
  expect(sum('keymesh_flush_duration_seconds_count')).toBeGreaterThanOrEqual(3)
  expect(sum('keymesh_flushed_bytes_total')).toBeGreaterThan(0)
  expect(sum('keymesh_ready')).toBe(3)
  expect(Math.abs(sum('keymesh_clock_offset_seconds'))).toBeLessThan(1)
})
