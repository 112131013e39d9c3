import { readdirSync, readFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type * as NodeModule from '../../src/node/index.ts'
import { Consumer } from './consumer.ts'
import { Stage } from './harness.ts'

// Goal: what is published is whole: it installs, its types hold for strict consumers, and importing
// the client loads no native addon. Method: the packed tarball, used from a directory of its own.

/** What `attw --format json` prints, as far as it is read here. */
interface Attw {
  analysis: {
    entrypoints: Record<
      string,
      { resolutions: Record<string, { resolution?: { fileName: string } }> }
    >
  }
}

const consumer = new Consumer()
beforeAll(async () => {
  await consumer.install()
})
afterAll(() => consumer[Symbol.dispose]())

test('publint and attw have nothing to say', async () => {
  expect(await consumer.check('publint', ['--strict', consumer.tarball])).toContain('All good')
  const config = resolve(import.meta.dirname, '../../.attw.json')
  // It ends with 1 if it finds a problem that .attw.json does not rule out: ES modules only. JSON,
  // for its text is laid out by what it believes of the terminal.
  const args = ['--format', 'json', '--config-path', config, consumer.tarball]
  const { analysis } = JSON.parse(await consumer.check('attw', args)) as Attw
  const found = Object.entries(analysis.entrypoints).map(
    ([name, { resolutions }]) => [name, resolutions['node16-esm']?.resolution?.fileName] as const
  )
  expect(found.map(([name, file]) => [name, file?.replace('/node_modules/keymesh/', '')])).toEqual([
    ['.', 'dist/client/index.d.ts'],
    ['./node', 'dist/node/index.d.ts'],
    ['./package.json', 'package.json']
  ])
})

test('it holds what runs, and nothing of what tests it', () => {
  const top = readdirSync(consumer.installed).sort()
  expect(top).toEqual(['CHANGELOG.md', 'LICENSE', 'README.md', 'bin', 'dist', 'package.json'])
  const rooms = readdirSync(join(consumer.installed, 'dist'))
  expect(rooms).not.toContain('simulation')
})

/** Every file of ours that `entry` reaches, with what it imports from outside. */
function reach(entry: string): Map<string, string[]> {
  const found = new Map<string, string[]>()
  const open = [entry]
  for (let file = open.pop(); file !== undefined; file = open.pop()) {
    if (found.has(file)) continue
    const outside: string[] = []
    found.set(file, outside)
    const source = readFileSync(file, 'utf8')
    for (const [, name = ''] of source.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*'([^']+)'/g)) {
      if (name.startsWith('.')) open.push(resolve(dirname(file), name))
      else outside.push(name)
    }
  }
  return found
}

test('the client names no module of Node.js, no addon, and its sockets in one place', () => {
  const dist = join(consumer.installed, 'dist')
  const graph = reach(join(dist, 'client', 'index.js'))
  expect(graph.size).toBeGreaterThan(30)
  const outside = [...graph].flatMap(([file, names]) => names.map((name) => [name, file] as const))
  expect(outside.filter(([name]) => name.startsWith('node:'))).toEqual([])
  expect(outside.map(([name]) => name)).not.toContain('classic-level')
  // `msgpackr` itself would load its string extractor, an addon; this entry does not.
  const packers = outside.filter(([name]) => name.startsWith('msgpackr'))
  expect(new Set(packers.map(([name]) => name))).toEqual(new Set(['msgpackr/pack']))
  const sockets = outside.filter(([name]) => /tcp|websockets|quic|webrtc/.test(name))
  expect(sockets.map(([name, file]) => [name, file.slice(dist.length + 1)])).toEqual([
    ['@libp2p/tcp', expect.stringMatching(/^transport\/libp2p/)]
  ])
})

const LOADER = `
import { connect } from 'keymesh'
const opened: string[] = []
const dlopen = process.dlopen
process.dlopen = (module, file, ...rest) => {
  opened.push(String(file))
  return dlopen.call(process, module, file, ...rest)
}
await import('keymesh')
const [seed = ''] = process.argv.slice(2)
const kv = await connect({ seeds: seed })
await kv.put('a', 1)
await kv.close()
const report = process.report.getReport() as unknown as { sharedObjects: string[] }
const shared = report.sharedObjects.filter((file) => file.endsWith('.node'))
console.log(JSON.stringify({ opened, shared }))
`

const PROGRAM = `
import { bytes, ConflictError, connect, json, KeyMeshError, msgpack, text } from 'keymesh'
import type { Entry, KeyMesh } from 'keymesh'
import type { NodeOptions } from 'keymesh/node'

interface User {
  name: string
}
const [seed = ''] = process.argv.slice(2)
const say = (...words: unknown[]): void => console.log(words.join(' '))
const options: NodeOptions = { data: 'unused' }
say(options.data)
{
  await using kv: KeyMesh = await connect({ seeds: [seed], timeout: 20_000 })
  const users = kv.namespace('user:', { codec: json<User>() })
  const { revision } = await users.put('1', { name: 'Ada' }, { ifRevision: 0 })
  const entry: Entry<User> | undefined = await users.getEntry('1')
  say(entry?.value.name, entry?.revision === revision)
  try {
    await users.put('1', { name: 'Eve' }, { ifRevision: 0 })
  } catch (error) {
    say(error instanceof ConflictError, error instanceof KeyMeshError, (error as Error).name)
  }
  await kv.namespace('m:', { codec: msgpack() }).put('d', new Date(5))
  say((await kv.namespace('m:', { codec: msgpack<Date>() }).get('d'))?.getTime())
  await kv.namespace('t:', { codec: text }).put('t', 'plain', { ttl: 60_000 })
  await kv.namespace('t:').touch('t', null)
  say(new TextDecoder().decode(await kv.namespace('t:', { codec: bytes }).get('t')))
}
say('disposed')
`

const { createNode } = (await import(
  new URL('../../dist/node/index.js', import.meta.url).href
)) as typeof NodeModule

test('a strict program compiles against it, runs, and ends by itself', async () => {
  await using stage = new Stage()
  const listen = ['/ip4/127.0.0.1/tcp/0']
  const node = await createNode({ data: stage.directory, listen, http: 'off', bootstrap: true })
  await node.ready
  try {
    await consumer.compile('program', PROGRAM)
    const told = await consumer.start('program', [node.p2p])
    expect(told.trim().split('\n')).toEqual([
      'unused',
      'Ada true',
      'true true ConflictError',
      '5',
      'plain',
      'disposed'
    ])
    await consumer.compile('loader', LOADER)
    expect(JSON.parse(await consumer.start('loader', [node.p2p]))).toEqual({
      opened: [],
      shared: []
    })
  } finally {
    await node.stop()
  }
})
