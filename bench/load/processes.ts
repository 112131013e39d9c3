import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'

export interface NodeProcess {
  readonly child: ChildProcess
  readonly http: string
  readonly p2p: string
}

/**
 * Real nodes of the built package on loopback, with ports from the system and data of their own.
 */
export interface Cluster {
  readonly nodes: readonly NodeProcess[]
  readonly stop: () => Promise<void>
}

const BIN = new URL('../../bin/keymesh.js', import.meta.url).pathname

export async function startCluster(count: number, partitions = 64): Promise<Cluster> {
  const directory = mkdtempSync(join(tmpdir(), 'keymesh-bench-'))
  const children: ChildProcess[] = []
  const start = (i: number, more: readonly string[]): Promise<NodeProcess> => {
    const data = join(directory, `node${i}`)
    const ports = ['--listen', '/ip4/127.0.0.1/tcp/0', '--http', '127.0.0.1:0']
    const args = ['start', '--data', data, ...ports, '--log-level', 'error', ...more]
    const child = spawn(process.execPath, [BIN, ...args], { stdio: ['ignore', 'pipe', 'inherit'] })
    children.push(child)
    return readyLine(child)
  }
  const own = ['--bootstrap', '--expect', String(count), '--partitions', String(partitions)]
  const port = await freePort()
  const first = start(1, [...own, '--listen', `/ip4/127.0.0.1/tcp/${port}`])
  const rest = Array.from({ length: count - 1 }, (_, i) =>
    start(i + 2, ['--seed', `/ip4/127.0.0.1/tcp/${port}`])
  )
  const nodes = await Promise.all([first, ...rest])
  return {
    nodes,
    stop: async () => {
      await Promise.all(children.map(end))
      rmSync(directory, { recursive: true })
    }
  }
}

async function end(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const ended = new Promise((resolve) => child.once('exit', resolve))
  child.kill('SIGTERM')
  await ended
}

function readyLine(child: ChildProcess): Promise<NodeProcess> {
  return new Promise((resolve, reject) => {
    child.once('exit', (code) => reject(new Error(`a node ended with ${code}`)))
    createInterface({ input: child.stdout as NodeJS.ReadableStream }).on('line', (line) => {
      const found = /^ready: http=(\S+) p2p=(\S+)$/.exec(line)
      if (found !== null) resolve({ child, http: found[1] ?? '', p2p: found[2] ?? '' })
    })
  })
}

/** A port that was free a moment ago; the first node of a cluster must be known to the others. */
async function freePort(): Promise<number> {
  const { createServer } = await import('node:net')
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address()
      const port = typeof address === 'object' && address !== null ? address.port : 0
      server.close(() => resolve(port))
    })
  })
}

/** CPU time a process has used so far, in microseconds. */
export function cpuMicros(pid: number): number {
  const fields = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.split(' ') ?? []
  const ticks = Number(fields[11]) + Number(fields[12])
  return ticks * 10_000
}
