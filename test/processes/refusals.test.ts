import { once } from 'node:events'
import { copyFileSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import type { NodeProcess } from '../../cluster/nodes.ts'
import { put, READY_MS_MAX, Stage } from './harness.ts'

// What `keymesh start` refuses: exit code 2 and one line on stderr that says why.

const KEY = '0123456789abcdef'.repeat(4)
const OTHER_KEY = 'fedcba9876543210'.repeat(4)

/** The plain lines of its log: what it said to people. */
function said(node: NodeProcess): string[] {
  return node.log.split('\n').filter((line) => line !== '' && !line.startsWith('{'))
}

async function refusal(node: NodeProcess): Promise<string> {
  expect(await node.ended()).toBe(2)
  expect(said(node)).toHaveLength(1)
  return said(node)[0] as string
}

test('a flag, a value and a file that make no sense are named', async () => {
  await using stage = new Stage()
  const missing = join(stage.directory, 'missing')
  const refused: readonly (readonly [args: string[], line: RegExp])[] = [
    [['--nonsense'], /--nonsense/],
    [['--partitions', '48'], /power of two/],
    [['--config', missing], /cannot read/]
  ]
  const nodes = refused.map(([args], i) => stage.run(`refused-${i}`, args))
  for (const [i, node] of nodes.entries())
    expect(await refusal(node)).toMatch(refused[i]?.[1] ?? '')
})

test('flags beat the environment, which beats the file', async () => {
  await using stage = new Stage()
  const config = join(stage.directory, 'config.json')
  writeFileSync(config, JSON.stringify({ partitions: 3, replicas: 0, logLevel: 'warn' }))
  const environment = { KEYMESH_CONFIG: config, KEYMESH_REPLICAS: '1', KEYMESH_HTTP: 'nonsense' }
  const node = stage.start('node', ['--bootstrap', '--partitions', '4'], environment)
  await node.ready(READY_MS_MAX)
  // Lines of level info are left out, as the file says.
  expect(node.log).toBe('')
})

test('places that cannot be had are named, and are not waited for', async () => {
  await using stage = new Stage()
  const taken = createServer().listen(0, '127.0.0.1')
  await once(taken, 'listening')
  const { port } = taken.address() as AddressInfo
  const p2p = stage.start('p2p', ['--listen', `/ip4/127.0.0.1/tcp/${port}`])
  const http = stage.start('http', ['--http', `127.0.0.1:${port}`])
  const elsewhere = ['--listen', '/ip4/192.0.2.1/tcp/0', '--insecure']
  const far = stage.start('far', elsewhere)
  const data = stage.run('data', ['--data', '/proc/keymesh', '--http', 'off'])
  const inUse = /^keymesh: cannot listen on .* the address is in use$/
  for (const node of [p2p, http]) expect(await refusal(node)).toMatch(inUse)
  expect(await refusal(far)).toMatch(/cannot listen on .*: this machine has no such address$/)
  expect(await refusal(data)).toMatch(/cannot create \/proc\/keymesh/)
  taken.close()
})

test('a data directory serves one process at a time', async () => {
  await using stage = new Stage()
  const first = stage.start('node', ['--bootstrap', '--partitions', '4'])
  await first.ready(READY_MS_MAX)
  const second = stage.run('second', [...first.args])
  expect(await refusal(second)).toMatch(/in use/)
  expect(first.ending).toBeUndefined()
})

test('a data directory of another node, or a damaged one, is refused', async () => {
  await using stage = new Stage()
  const first = stage.start('node', ['--bootstrap', '--partitions', '4'])
  const url = await first.ready(READY_MS_MAX)
  for (let i = 0; i < 50; i++) await put(url, `key-${i}`, 'value')
  first.kill('SIGTERM')
  expect(await first.ended()).toBe(0)
  const stranger = stage.start('stranger', [])
  await stranger.listening()
  stranger.kill('SIGKILL')
  await stranger.ended()

  const data = join(stage.directory, 'node')
  const own = join(data, 'node.key')
  const key = readFileSync(own)
  copyFileSync(join(stage.directory, 'stranger', 'node.key'), own)
  expect(await refusal(stage.run('foreign', [...first.args]))).toMatch(/belongs to node/)
  writeFileSync(own, key.subarray(1))
  expect(await refusal(stage.run('keyless', [...first.args]))).toMatch(/node.key is damaged/)
  writeFileSync(own, key)

  const state = join(data, 'state')
  const manifest = readdirSync(state).find((name) => name.startsWith('MANIFEST')) ?? ''
  const parts: readonly (readonly [file: string, line: RegExp])[] = [
    [join(state, manifest), /cannot open .*state: .*empty data directory/],
    [join(state, 'CURRENT'), /empty data directory/],
    [join(data, 'log', 'identity.json'), /identity.json .*is damaged/],
    [join(data, 'log', 'cluster-map'), /cluster-map .*cannot be read/],
    [join(data, 'log', 'log-000000000001.segment'), /damaged at byte/]
  ]
  for (const [i, [file, line]] of parts.entries()) {
    const bytes = readFileSync(file)
    const middle = bytes.length >> 1
    writeFileSync(file, bytes.with(middle, (bytes[middle] ?? 0) ^ 1))
    expect(await refusal(stage.run(`damaged-${i}`, [...first.args]))).toMatch(line)
    writeFileSync(file, bytes)
  }
})

test('two nodes told to form a cluster both end', async () => {
  await using stage = new Stage()
  const forming = ['--bootstrap', '--expect', '2', '--partitions', '4']
  const first = stage.start('first', forming)
  const second = stage.start('second', [...forming, '--seed', await first.listening()])
  for (const node of [first, second]) expect(await refusal(node)).toMatch(/bootstrap/)
})

test('without the cluster key a node stays outside', async () => {
  await using stage = new Stage()
  const first = stage.start('first', ['--bootstrap', '--partitions', '4'], {
    KEYMESH_CLUSTER_KEY: KEY
  })
  const url = await first.ready(READY_MS_MAX)
  const seed = ['--seed', await first.listening()]
  const strangers = [
    stage.start('other', seed, { KEYMESH_CLUSTER_KEY: OTHER_KEY }),
    stage.start('none', seed)
  ]
  const friend = stage.start('friend', seed, { KEYMESH_CLUSTER_KEY: KEY })
  expect((await put(await friend.ready(READY_MS_MAX), 'key', 'value')).status).toBe(200)
  for (const node of strangers) expect(node.ending).toBeUndefined()
  const cluster = await fetch(`${url}/v1/cluster`)
  expect(await cluster.json()).toMatchObject({ nodes: { length: 2 } })
})
