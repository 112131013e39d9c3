import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, existsSync, openSync, readFileSync, rmSync } from 'node:fs'
import { join, resolve } from 'node:path'
import process from 'node:process'
import { setTimeout as wait } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { makeDirectory } from '../src/node/make-directory.ts'
import { isRunning, openControl, stopRunning } from './control.ts'
import { leadersKnown, type NodeProcess } from './nodes.ts'
import { Refused } from './refused.ts'
import { checkShape, type Shape, settle } from './shape.ts'
import { startNodes, stopNodes } from './together.ts'

// `npm run cluster`: nodes of one cluster as processes of this machine, on loopback.

const READY_MS_MAX = 60_000
const POLL_MS = 50
const PORT_MAX = 65_535

const HELP = `npm run cluster -- [--nodes 3] [--replicas 3] [--partitions 64] [--data .keymesh]
                  [--fresh] [--http-port 8101] [--p2p-port 7101] [--detach] | --stop [--data DIR]`

async function main(): Promise<number> {
  const { values } = parseArgs({
    options: {
      nodes: { type: 'string' },
      replicas: { type: 'string' },
      partitions: { type: 'string' },
      data: { type: 'string', default: '.keymesh' },
      fresh: { type: 'boolean', default: false },
      'http-port': { type: 'string', default: '8101' },
      'p2p-port': { type: 'string', default: '7101' },
      detach: { type: 'boolean', default: false },
      stop: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false }
    }
  })
  if (values.help) {
    console.log(HELP)
    return 0
  }
  if (values.data === '') throw new Refused('--data: name a directory')
  const data = resolve(values.data)
  if (values.stop) {
    console.log((await stopRunning(data)) ? 'stopped' : `no cluster is running on ${values.data}`)
    return 0
  }
  const asked = pick(values)
  checkShape(asked)
  const httpPort = count('http-port', values['http-port'], PORT_MAX)
  const p2pPort = count('p2p-port', values['p2p-port'], PORT_MAX)
  if (await isRunning(data)) throw new Refused(`a cluster is running on ${values.data} already`)
  if (values.fresh) rmSync(data, { recursive: true, force: true })
  make(data)
  if (values.detach) return await runDetached(data)
  const shape = settle(data, asked)
  return await run(data, shape, { httpPort, p2pPort })
}

function pick(values: {
  readonly nodes?: string | undefined
  readonly replicas?: string | undefined
  readonly partitions?: string | undefined
}): Partial<Shape> {
  const { nodes, replicas, partitions } = values
  return {
    ...(nodes === undefined ? {} : { nodes: count('nodes', nodes) }),
    ...(replicas === undefined ? {} : { replicas: count('replicas', replicas) }),
    ...(partitions === undefined ? {} : { partitions: count('partitions', partitions) })
  }
}

function count(name: string, text: string, max = 99_999): number {
  const value = Number(text)
  if (/^\d{1,5}$/.test(text) && value <= max) return value
  throw new Refused(`--${name}: not a whole number up to ${max}: ${text}`)
}

function make(data: string): void {
  try {
    makeDirectory(data)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new Refused(`--data: cannot create ${data}: ${reason}`, { cause })
  }
}

async function run(
  data: string,
  shape: Shape,
  ports: { readonly httpPort: number; readonly p2pPort: number }
): Promise<number> {
  const asked = Promise.withResolvers<void>()
  let stopping = false
  const stop = (): void => {
    stopping = true
    asked.resolve()
  }
  process.on('SIGINT', stop)
  process.on('SIGTERM', stop)
  const control = await openControl(data, stop)
  const nodes: NodeProcess[] = []
  try {
    const urls = await startNodes({ data, shape, ...ports }, nodes, READY_MS_MAX)
    for (const url of urls) await leadersKnown(url, READY_MS_MAX)
    show(nodes, urls, await nodes[0]?.listening())
    const endings = nodes.map(async (node, i) => {
      const ending = await node.ended()
      if (!stopping) console.log(`node ${i + 1} ended (${ending}); the others go on`)
    })
    await Promise.race([asked.promise, Promise.all(endings)])
    stopping = true
    return 0
  } finally {
    await stopNodes(nodes)
    control.close()
  }
}

function show(nodes: readonly NodeProcess[], urls: readonly string[], seed = ''): void {
  const url = urls[0]
  console.log()
  nodes.forEach((node, i) => {
    console.log(`  node ${i + 1}   ${urls[i]}   pid ${node.pid}   log ${node.logFile}`)
  })
  console.log(`
  curl -X PUT ${url}/v1/kv/hello -d world && curl ${url}/v1/kv/hello
  npx node --input-type=module -e "import { connect } from 'keymesh'; ${clientLine(seed)}"
  npx autocannon -c 50 -d 10 -m PUT -b world ${url}/v1/kv/hello

ready: ${nodes.length} nodes`)
}

function clientLine(seed: string): string {
  const address = seed.replace(/\/p2p\/.*$/, '')
  const use = "await kv.put('hello', { from: 'me' }); console.log(await kv.get('hello'))"
  return `const kv = await connect({ seeds: '${address}' }); ${use}; await kv.close()`
}

/** Starts this very program as a process of its own, and passes on what it says until it serves. */
async function runDetached(data: string): Promise<number> {
  const logFile = join(data, 'cluster.log')
  rmSync(logFile, { force: true })
  const log = openSync(logFile, 'a')
  const args = process.argv.slice(2).filter((arg) => arg !== '--detach' && arg !== '--fresh')
  const child = spawn(process.execPath, [fileURLToPath(import.meta.url), ...args], {
    detached: true,
    stdio: ['ignore', log, log]
  })
  closeSync(log)
  let code: number | null | undefined
  child.once('exit', (ended) => {
    code = ended ?? 1
  })
  await once(child, 'spawn')
  let shown = 0
  for (;;) {
    const text = existsSync(logFile) ? readFileSync(logFile, 'utf8') : ''
    process.stdout.write(text.slice(shown))
    shown = text.length
    if (/^ready: \d+ nodes$/m.test(text)) break
    if (code !== undefined) return code ?? 1
    await wait(POLL_MS)
  }
  child.unref()
  return 0
}

try {
  process.exitCode = await main()
} catch (error) {
  // Whatever stood in the way, one line says it: a node's own, or ours.
  console.error(error instanceof Error ? error.message : error)
  const ours = error instanceof Refused || (error as NodeJS.ErrnoException).code !== undefined
  process.exitCode = ours ? 2 : 1
}
