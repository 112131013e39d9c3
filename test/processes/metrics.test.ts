import { afterAll, beforeAll, expect, test } from 'vitest'
import { connect } from '../../src/client/connect.ts'
import { parseMetrics, type Scrape, total } from '../unit/gateway/metrics-parser.ts'
import { get, put, Stage, Trio } from './harness.ts'

// Goal: what a live cluster tells Prometheus is what was done to it.

const stage = new Stage()
let trio: Trio

beforeAll(async () => {
  trio = await new Trio(stage).form(16)
})
afterAll(() => stage[Symbol.asyncDispose]())

async function scrapes(): Promise<Scrape[]> {
  return await Promise.all(
    trio.urls.map(async (url) => parseMetrics(await (await fetch(`${url}/metrics`)).text()))
  )
}

const sum = (all: readonly Scrape[], name: string, labels = {}): number =>
  all.reduce((before, scrape) => before + total(scrape, name, labels), 0)

test('requests through all doors are counted to the last one', async () => {
  const [url = '', other = ''] = trio.urls
  for (let i = 0; i < 30; i++) expect((await put(url, `k${i}`, 'v')).status).toBe(200)
  for (let i = 0; i < 20; i++) expect((await get(other, `k${i}`)).status).toBe(200)
  expect((await get(url, 'absent')).status).toBe(404)
  const seeds = (await trio.nodes[0]?.listening()) ?? ''
  await using kv = await connect({ seeds })
  for (let i = 0; i < 10; i++) await kv.increment(`n${i}`, 1)

  const all = await scrapes()
  const http = (labels: object): number => sum(all, 'keymesh_http_requests_total', labels)
  expect(http({ call: 'put', status: '200' })).toBe(30)
  expect(http({ call: 'get', status: '200' })).toBe(20)
  expect(http({ code: 'not_found' })).toBe(1)
  expect(total(all[0] as Scrape, 'keymesh_http_requests_total', { call: 'put' })).toBe(30)
  const asked = (labels: object): number => sum(all, 'keymesh_requests_total', labels)
  expect(asked({ kind: 'put', code: 'ok' })).toBe(30)
  expect(asked({ kind: 'get', code: 'ok' })).toBe(21)
  expect(asked({ kind: 'increment', code: 'ok', door: 'client' })).toBe(10)
  expect(asked({ kind: 'increment', code: 'ok' })).toBe(10)
})

test('groups, disk and links are told as they are', async () => {
  const all = await scrapes()
  expect(sum(all, 'keymesh_groups')).toBe(3 * 17)
  expect(sum(all, 'keymesh_groups_led')).toBe(17)
  expect(sum(all, 'keymesh_groups_leaderless')).toBe(0)
  expect(sum(all, 'keymesh_ready')).toBe(3)
  for (const scrape of all) {
    const syncs = total(scrape, 'keymesh_log_sync_duration_seconds_count')
    expect(syncs).toBeGreaterThan(10)
    expect(total(scrape, 'keymesh_log_sync_duration_seconds_sum') / syncs).toBeLessThan(1)
    // What was written is what stands in the log: nothing was dropped yet.
    const written = total(scrape, 'keymesh_log_written_bytes_total')
    expect(total(scrape, 'keymesh_log_bytes')).toBe(written)
    expect(total(scrape, 'keymesh_log_segments')).toBe(1)
    const peers = scrape.get('keymesh_peer_links')?.samples.filter(({ labels, value }) => {
      return labels.peer !== 'clients' && value === 1
    })
    expect(peers?.length).toBe(2)
    expect(total(scrape, 'keymesh_peer_sent_bytes_total')).toBeGreaterThan(1_000)
    expect(total(scrape, 'keymesh_peer_dropped_frames_total')).toBe(0)
    expect(scrape.has('process_cpu_seconds_total')).toBe(true)
  }
})

test('a node that died is missed', async () => {
  await trio.kill(2)
  await expect
    .poll(async () => {
      const scrape = parseMetrics(await (await fetch(`${trio.urls[0]}/metrics`)).text())
      return total(scrape, 'keymesh_peer_links') - clientLinks(scrape)
    })
    .toBe(1)
})

const clientLinks = (scrape: Scrape): number =>
  total(scrape, 'keymesh_peer_links', { peer: 'clients' })
