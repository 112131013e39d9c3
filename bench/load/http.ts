import { parseArgs } from 'node:util'
import autocannon from 'autocannon'
import { startCluster } from './processes.ts'

// Puts and strong gets over HTTP with autocannon, spread over three nodes on one machine.

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '5' },
    connections: { type: 'string', default: '48' },
    rounds: { type: 'string', default: '3' }
  }
})

const KEYS = 10_000
const VALUE = 'a'.repeat(100)
/** Of one connection pool; each has its own keys in turn. */
let next = 0

const cluster = await startCluster(3)
try {
  await measure('warm-up', 'PUT')
  for (let round = 0; round < Number(values.rounds); round++) {
    await measure('put', 'PUT')
    await measure('get', 'GET')
  }
} finally {
  await cluster.stop()
}

async function measure(name: string, method: 'PUT' | 'GET'): Promise<void> {
  const latencies: number[] = []
  const connections = Math.ceil(Number(values.connections) / cluster.nodes.length)
  const results = await Promise.all(
    cluster.nodes.map((node) => cannon(node.http, method, connections, latencies))
  )
  const sum = (of: (result: autocannon.Result) => number): number =>
    results.reduce((total, result) => total + of(result), 0)
  const failed = sum((result) => result.non2xx + result.errors + result.timeouts)
  latencies.sort((a, b) => a - b)
  const at = (share: number): string =>
    (latencies[Math.floor(latencies.length * share)] ?? 0).toFixed(2)
  const rate = (latencies.length / Number(values.seconds)).toFixed(0)
  const times = `p50 ${at(0.5)} p99 ${at(0.99)} p99.9 ${at(0.999)} ms`
  console.log(`${name.padEnd(8)} ${rate.padStart(6)}/s  ${times}  ${failed} failed`)
}

/** autocannon tells whole milliseconds only: each answer's time is taken from its client. */
async function cannon(
  url: string,
  method: 'PUT' | 'GET',
  connections: number,
  latencies: number[]
): Promise<autocannon.Result> {
  return await autocannon({
    url,
    connections,
    duration: Number(values.seconds),
    setupClient: (client) => {
      client.on('response', (_status, _bytes, ms) => latencies.push(ms))
    },
    requests: [
      {
        setupRequest: (request) => ({
          ...request,
          method,
          path: `/v1/kv/key${next++ % KEYS}`,
          ...(method === 'PUT' ? { body: VALUE } : {})
        })
      }
    ]
  })
}
