import { parseArgs } from 'node:util'
import { bytes, connect } from 'keymesh'
import { cpuMicros, startCluster } from './processes.ts'

// Puts and strong gets through the TypeScript client, all on one machine: `npm run bench:client`.

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    inFlight: { type: 'string', default: '64' },
    partitions: { type: 'string', default: '64' },
    rounds: { type: 'string', default: '3' }
  }
})

const KEYS = 10_000
const VALUE = new Uint8Array(100).fill(0x61)

const cluster = await startCluster(3, Number(values.partitions))
const seeds = cluster.nodes.map((node) => node.p2p)
const kv = await connect({ seeds, codec: bytes })
const pids = [process.pid, ...cluster.nodes.map((node) => node.child.pid ?? 0)]

const keyOf = (i: number): string => `key${i % KEYS}`
try {
  await measure('warm-up', (i) => kv.put(keyOf(i), VALUE))
  for (let round = 0; round < Number(values.rounds); round++) {
    await measure('put', (i) => kv.put(keyOf(i), VALUE))
    await measure('get', (i) => kv.get(keyOf(i)))
  }
} finally {
  await kv.close()
  await cluster.stop()
}

async function measure(name: string, call: (i: number) => Promise<unknown>): Promise<void> {
  const until = performance.now() + Number(values.seconds) * 1_000
  const began = performance.now()
  const before = pids.map(cpuMicros)
  const latencies: number[] = []
  let next = 0
  const one = async (): Promise<void> => {
    while (performance.now() < until) {
      const at = performance.now()
      await call(next++)
      latencies.push(performance.now() - at)
    }
  }
  await Promise.all(Array.from({ length: Number(values.inFlight) }, one))
  const seconds = (performance.now() - began) / 1_000
  const cpu = pids.map((pid, i) => cpuMicros(pid) - (before[i] ?? 0))
  latencies.sort((a, b) => a - b)
  const at = (share: number): string =>
    (latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(2)
  const total = cpu.reduce((sum, one) => sum + one, 0)
  const each = cpu.map((one) => (one / latencies.length).toFixed(0)).join('+')
  const rate = (latencies.length / seconds).toFixed(0)
  const times = `p50 ${at(0.5)} p99 ${at(0.99)} p99.9 ${at(0.999)} ms`
  console.log(
    `${name.padEnd(8)} ${rate.padStart(6)}/s  ${times}` +
      `  cpu ${(total / latencies.length).toFixed(0)} us/op (client+nodes ${each})`
  )
}
