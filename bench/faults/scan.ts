import { parseArgs } from 'node:util'
import { bytes, connect, type KeyMesh } from 'keymesh'
import { perform, type Stage } from '../../cluster/stage.ts'
import { residentBytes } from '../rig/cpu.ts'
import { rounded } from '../rig/figures.ts'
import { fillKeyMesh } from '../rig/keymesh.ts'
import { Trio } from './trio.ts'

// `npm run bench:scan -- --keys 100000 --partitions 64`: a client reads all keys of a prefix, of
// three nodes on this machine, and the memory of the nodes is looked at while it does.

const VALUE = new Uint8Array(100).fill(0x61)
const LOOK_EVERY_MS = 20
const MIB = 2 ** 20

const { values } = parseArgs({
  options: {
    keys: { type: 'string', default: '100000' },
    partitions: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '5' }
  }
})
const keyCount = Number(values.keys)

async function run(stage: Stage): Promise<number> {
  const trio = await Trio.form(stage, 'scan', { nodes: 3, partitions: Number(values.partitions) })
  const kv = await connect({ seeds: trio.seeds, codec: bytes, timeout: 30_000 })
  const keys = Array.from({ length: keyCount }, (_, i) => `scan:${String(i).padStart(8, '0')}`)
  await fillKeyMesh(kv, keys, VALUE)
  for (const [name, options] of [
    ['forward', {}],
    ['reverse', { reverse: true }],
    ['keys only', { keysOnly: true }]
  ] as const) {
    await measure(kv, trio, { name, options })
  }
  await kv.close()
  await trio.stop()
  return 0
}

async function measure(
  kv: KeyMesh<Uint8Array>,
  trio: Trio,
  { name, options }: { readonly name: string; readonly options: object }
): Promise<void> {
  const before = trio.pids.map((pid) => residentBytes(pid) ?? 0)
  const most = [...before]
  const looking = setInterval(() => {
    for (const [i, pid] of trio.pids.entries()) {
      most[i] = Math.max(most[i] ?? 0, residentBytes(pid) ?? 0)
    }
  }, LOOK_EVERY_MS)
  const rates: number[] = []
  for (let round = 0; round < Number(values.rounds); round++) {
    const began = performance.now()
    let found = 0
    for await (const _ of kv.scan({ prefix: 'scan:', ...options })) found++
    if (found !== keyCount) throw new Error(`${found} keys of ${keyCount}`)
    rates.push((found / (performance.now() - began)) * 1_000)
  }
  clearInterval(looking)
  const grown = most.map((bytes, i) => rounded((bytes - (before[i] ?? 0)) / MIB))
  const middle = rates.sort((a, b) => a - b)[Math.floor(rates.length / 2)] ?? 0
  console.log(JSON.stringify({ name, keysPerSecond: Math.round(middle), nodeMiB: grown }))
}

await perform(run)
