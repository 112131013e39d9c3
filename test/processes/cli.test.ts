import { once } from 'node:events'
import { closeSync, openSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { COMMANDS } from '../../src/cli/commands.ts'
import { type RunOptions, runCommand, spawnCommand } from './command.ts'
import { READY_MS_MAX, Stage, Trio } from './harness.ts'

// The command as a user meets it: a line goes in; standard output, standard error and an exit code
// come out. One node with a cluster of its own answers.

const stage = new Stage()
let seed = ''

beforeAll(async () => {
  const node = stage.start('node', ['--bootstrap', '--partitions', '4', '--replicas', '1'])
  await node.ready(READY_MS_MAX)
  seed = await node.listening()
})
afterAll(() => stage[Symbol.asyncDispose]())

async function keymesh(args: readonly string[], options: RunOptions = {}) {
  const environment = { KEYMESH_SEED: seed, KEYMESH_TIMEOUT: '60s', ...options.environment }
  const { code, stdout, stderr } = await runCommand(args, { ...options, environment })
  return { code, stdout: stdout.toString(), stderr }
}

const answer = (code: number, stdout: string, stderr = '') => ({ code, stdout, stderr })

test('put, get and delete: what is said, and where', async () => {
  const steps: readonly (readonly [line: string[], ReturnType<typeof answer>])[] = [
    [['put', 'a', 'one'], answer(0, 'written at revision 1\n')],
    [['get', 'a'], answer(0, 'one')],
    [['get', 'a', '--json'], answer(0, '{"key":"a","value":"one","revision":1}\n')],
    [['put', 'a', 'two', '--if-revision', '1', '--json'], answer(0, '{"revision":2}\n')],
    [['--seed', seed, 'get', 'a', '--consistency', 'session'], answer(0, 'two')],
    [['delete', 'a'], answer(0, 'deleted at revision 3\n')],
    [['delete', 'a'], answer(1, 'there was no key "a"\n')],
    [['delete', 'a', '--json'], answer(1, '{"existed":false}\n')],
    [['get', 'a'], answer(1, '', 'keymesh: there is no key "a" (not_found)\n')]
  ]
  for (const [line, expected] of steps)
    expect(await keymesh(line), line.join(' ')).toEqual(expected)
})

test('scan and delete by prefix: in order, whole, and nothing else', async () => {
  for (const name of ['b', 'a', 'c']) await keymesh(['put', `scan:${name}`, `of ${name}`])
  const steps: readonly (readonly [line: string[], ReturnType<typeof answer>])[] = [
    [['scan', '--prefix', 'scan:'], answer(0, 'scan:a\tof a\nscan:b\tof b\nscan:c\tof c\n')],
    [
      ['scan', '--start', 'scan:b', '--end', 'scan:z', '--keys-only'],
      answer(0, 'scan:b\nscan:c\n')
    ],
    [['scan', '--prefix', 'scan:', '--reverse', '--limit', '1'], answer(0, 'scan:c\tof c\n')],
    [['scan', '--prefix', 'no:', '--json'], answer(0, '{"entries":[]}\n')],
    [['delete', '--prefix', 'scan:'], answer(0, 'deleted 3 keys\n')],
    [['delete', '--prefix', 'scan:', '--json'], answer(1, '{"deleted":0}\n')]
  ]
  for (const [line, expected] of steps)
    expect(await keymesh(line), line.join(' ')).toEqual(expected)
  for (const line of [
    ['delete', '--prefix', ''],
    ['delete', 'a', '--prefix', 'a'],
    ['delete'],
    ['scan', '--limit', '0']
  ]) {
    expect((await keymesh(line)).code, line.join(' ')).toBe(2)
  }
})

test('a condition that does not hold is 1, and nothing is written', async () => {
  await keymesh(['put', 'cas', 'mine', '--if-absent'])
  const refused = await keymesh(['put', 'cas', 'yours', '--if-absent', '--json'])
  expect(refused).toMatchObject({ code: 1, stderr: '' })
  expect(JSON.parse(refused.stdout)).toEqual({
    error: {
      code: 'conflict',
      message: expect.stringContaining('it was to be absent'),
      outcome: 'not_applied',
      retryable: false,
      revision: expect.any(Number)
    }
  })
  expect(await keymesh(['delete', 'cas', '--if-revision', '99'])).toMatchObject({
    code: 1,
    stdout: '',
    stderr: expect.stringMatching(
      /^keymesh: the key has revision \d+, revision 99 .*\(conflict\)\n$/
    )
  })
  expect(await keymesh(['get', 'cas'])).toEqual(answer(0, 'mine'))
})

test('a ttl is told in ms by get', async () => {
  await keymesh(['put', 'brief', 'x', '--ttl', '5m'])
  const { expiresIn } = JSON.parse((await keymesh(['get', 'brief', '--json'])).stdout)
  expect(expiresIn).toBeGreaterThan(200_000)
  expect(expiresIn).toBeLessThanOrEqual(300_000)
  await keymesh(['put', 'brief', 'x', '--ttl', '1ms'])
  expect(await keymesh(['get', 'brief'])).toMatchObject({ code: 1 })
})

test('bytes of any kind come back as they went in', async () => {
  const value = Uint8Array.from({ length: 1_048_576 }, (_, i) => (i * 7) % 256)
  expect(await keymesh(['put', 'bytes', '-'], { stdin: value })).toMatchObject({ code: 0 })
  const { stdout } = await runCommand(['get', 'bytes'], { environment: { KEYMESH_SEED: seed } })
  expect(stdout.equals(value)).toBe(true)
  const over = await keymesh(['put', 'bytes', '-'], { stdin: new Uint8Array(value.length + 1) })
  expect(over).toMatchObject({ code: 2, stderr: expect.stringContaining('(too_large)') })

  expect(await keymesh(['put', '_w', '-', '--base64url'], { stdin: '' })).toMatchObject({ code: 0 })
  await keymesh(['put', '_w', '-', '--base64url'], { stdin: Uint8Array.of(0xff, 0) })
  const json = await keymesh(['get', '_w', '--base64url', '--json'])
  expect(JSON.parse(json.stdout)).toMatchObject({ key: '_w', value: { base64: '/wA=' } })
  const url = await keymesh(['get', '_w'])
  expect(url).toMatchObject({ code: 1 })
})

test('a directory as standard input is refused, not taken for nothing', async () => {
  const directory = openSync(stage.directory, 'r')
  const line = ['put', 'directory', '-']
  const child = spawnCommand(line, { environment: { KEYMESH_SEED: seed }, stdin: directory })
  expect(await once(child, 'close')).toEqual([2, null])
  closeSync(directory)
  expect(await keymesh(['get', 'directory'])).toMatchObject({ code: 1 })
})

test('words that look like options come after --', async () => {
  expect(await keymesh(['put', '--', '--json', '-v --x'])).toMatchObject({ code: 0 })
  expect(await keymesh(['get', '--', '--json'])).toEqual(answer(0, '-v --x'))
  expect(await keymesh(['put', 'minus', '-5'])).toMatchObject({ code: 0 })
  expect(await keymesh(['put', 'empty', ''])).toMatchObject({ code: 0 })
  expect(await keymesh(['get', 'empty'])).toEqual(answer(0, ''))
})

test('a line that makes no sense is told as one, with exit code 2', async () => {
  const refused: readonly (readonly [line: string[], stderr: RegExp])[] = [
    [['gte', 'a'], /^keymesh: unknown command 'gte' \(Did you mean get\?\); see keymesh --help\n$/],
    [['get'], /^keymesh: missing required argument 'KEY'; see keymesh get --help\n$/],
    [['get', 'a', 'b'], /^keymesh: too many arguments for 'get'.*see keymesh get --help\n$/],
    [
      ['put', 'a', '-x'],
      /^keymesh: unknown option '-x'; words that begin with - come after --,.*\n$/
    ],
    [['put', 'a', 'b', '--ttl', '10'], /^keymesh: --ttl: not a time as in 500ms, .*: 10\n$/],
    [['put', 'a', 'b', '--ttl', '0s'], /^keymesh: --ttl: must be from 1ms to 366000d\n$/],
    [['put', 'a', 'b', '--if-absent', '--if-revision', '1'], /^keymesh: .* give one\n$/],
    [
      ['get', 'a', '--consistency', 'weak'],
      /^keymesh: --consistency: must be one of strong, .*\n$/
    ],
    [['get', ''], /^keymesh: a key has at least one byte \(invalid_argument\)\n$/],
    [['get', 'k'.repeat(4_097)], /^keymesh: a key of 4097 bytes.*\(too_large\)\n$/],
    [['get', 'a', '--base64url'], /^keymesh: KEY: "a" is not base64url without padding\n$/],
    [['get', 'a', '--timeout', '1d'], /^keymesh: timeout: must be from 1ms to 10m\n$/],
    [['get', 'a', '--seed', 'localhost:7101'], /^keymesh: .*localhost:7101 is no .*\n$/],
    [['--timeout', '5s', 'start'], /^keymesh: --timeout: this command has no such option\n$/]
  ]
  for (const [line, stderr] of refused) {
    const shown = await keymesh(line)
    expect(shown, line.join(' ')).toEqual(answer(2, '', expect.stringMatching(stderr) as string))
  }
  const json = await keymesh(['get', '--json'])
  expect(json).toMatchObject({ code: 2, stderr: '' })
  expect(JSON.parse(json.stdout)).toMatchObject({ error: { code: 'invalid_argument' } })
})

test('settings come from the environment and a file, too', async () => {
  const config = join(stage.directory, 'client.json')
  writeFileSync(config, JSON.stringify({ seed, timeout: 4_000, json: true, data: '/nowhere' }))
  const environment = { KEYMESH_SEED: '', KEYMESH_CONFIG: config }
  const absent = await keymesh(['get', 'nothing'], { environment })
  expect(absent).toMatchObject({ code: 1, stderr: '' })
  expect(JSON.parse(absent.stdout)).toMatchObject({ error: { code: 'not_found' } })
  writeFileSync(config, JSON.stringify({ seed, data: 5 }))
  expect(await keymesh(['get', 'nothing'], { environment })).toEqual(
    answer(2, '', `keymesh: data in ${config}: must be text\n`)
  )
})

test('no node, or not its key, is 3 within the timeout', async () => {
  // Taken, then left: nobody listens there.
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  await once(server.close(), 'close')
  const nobody = ['--seed', `/ip4/127.0.0.1/tcp/${port}`, '--timeout', '700ms']
  expect(await keymesh(['put', 'a', 'b', ...nobody])).toEqual(
    answer(3, '', expect.stringMatching(/^keymesh: .*refused.*\(unavailable\)\n$/) as string)
  )
  const environment = { KEYMESH_CLUSTER_KEY: 'ab'.repeat(32) }
  expect(await keymesh(['get', 'a', '--timeout', '1s'], { environment })).toMatchObject({ code: 3 })
})

test('status, nodes and partitions of a cluster of one', async () => {
  const whole = await keymesh(['status'])
  expect(whole).toMatchObject({ code: 0, stderr: '' })
  expect(whole.stdout).toMatch(/^healthy: .*partitions {2}4 of 4 have a leader\n/ms)
  expect(JSON.parse((await keymesh(['status', '--json'])).stdout)).toMatchObject({
    state: 'healthy',
    nodes: { total: 1, up: 1, down: [] },
    partitions: { total: 4, withLeader: 4 }
  })
  const id = seed.replace(/^.*\/p2p\//, '')
  const { stdout } = await keymesh(['cluster', 'nodes'])
  expect(
    stdout
      .trimEnd()
      .split('\n')
      .map((line) => line.split(/ {2,}/))
  ).toEqual([
    ['NODE', 'STATE', 'DISK', 'ZONE', 'LEADS', 'REPLICAS', 'HTTP', 'ADDRESS'],
    [id.slice(-8), 'up', 'ok', '-', '4', '4', expect.anything(), seed.replace(/\/p2p\/.*$/, '')]
  ])
  const nodes = JSON.parse((await keymesh(['cluster', 'nodes', '--json'])).stdout)
  expect(nodes).toMatchObject({ nodes: [{ id, state: 'up', leads: 4, replicas: 4 }] })
  const partitions = await keymesh(['cluster', 'partitions', '--json'])
  expect(JSON.parse(partitions.stdout).partitions).toEqual(
    [0, 1, 2, 3].map((partition) => {
      return { partition, leader: id, replicas: [{ node: id, voter: true }], state: 'serving' }
    })
  )
})

test('a cluster without a majority is told as such by the node that is left', async () => {
  await using own = new Stage()
  const trio = await new Trio(own).form(4)
  const environment = { KEYMESH_SEED: (await trio.nodes[0]?.listening()) ?? '' }
  expect(await keymesh(['status'], { environment })).toMatchObject({ code: 0 })
  await Promise.all([trio.kill(1), trio.kill(2)])
  await expect
    .poll(async () => (await keymesh(['status'], { environment })).stdout, { timeout: 40_000 })
    .toMatch(/^unavailable: 4 partitions have no leader; 2 nodes are down; the system group/)
  expect(await keymesh(['status', '--json'], { environment })).toMatchObject({ code: 1 })
  const table = (await keymesh(['cluster', 'partitions'], { environment })).stdout
  expect(table.match(/\(down\)/g)).toHaveLength(8)
  const put = await keymesh(['put', 'a', 'b', '--timeout', '2s', '--json'], { environment })
  const { error } = JSON.parse(put.stdout)
  expect([put.code, error.outcome]).toEqual(
    error.code === 'unknown_outcome' ? [4, 'unknown'] : [3, 'not_applied']
  )
})

test('who asked may go away: a closed pipe is no fault, SIGINT ends with 130', async () => {
  await keymesh(['put', 'large', '-'], { stdin: new Uint8Array(1_048_576) })
  const unread = spawnCommand(['get', 'large'], { environment: { KEYMESH_SEED: seed } })
  unread.stdout?.destroy()
  unread.stdin?.end()
  let stderr = ''
  unread.stderr?.on('data', (chunk: Buffer) => {
    stderr += chunk.toString()
  })
  expect([...(await once(unread, 'close')), stderr]).toEqual([0, null, ''])

  // It accepts, and never says a word.
  const silent = createServer().listen(0, '127.0.0.1')
  await once(silent, 'listening')
  const { port } = silent.address() as AddressInfo
  const waiting = spawnCommand(['get', 'a', '--seed', `/ip4/127.0.0.1/tcp/${port}`])
  const [socket] = await once(silent, 'connection')
  waiting.kill('SIGINT')
  expect(await once(waiting, 'close')).toEqual([130, null])
  socket.destroy()
  silent.close()
})

/** Tells on stderr, when the command ends, which modules it has loaded. */
const TELL_MODULES = preloaded(`
import { registerHooks } from 'node:module'
const urls = []
registerHooks({ load: (url, context, next) => { urls.push(url); return next(url, context) } })
process.on('exit', () => process.stderr.write(urls.join(' ')))`)

/** Arguments of Node.js that run `code` before the command. */
function preloaded(code: string): readonly string[] {
  return ['--import', `data:text/javascript,${encodeURIComponent(code)}`]
}

test('a command loads what it needs, and nothing of a node', async () => {
  const execArguments = TELL_MODULES
  const { stderr: ofGet } = await keymesh(['get', 'nothing'], { execArguments })
  expect(ofGet).toMatch(/\/libp2p\//)
  for (const foreign of ['classic-level', 'fastify', 'pino', 'start.js', 'machine.js']) {
    const loaded = ofGet.split(' ').filter((url) => url.includes(foreign))
    expect(
      loaded.filter((url) => !url.includes('/client/')),
      foreign
    ).toEqual([])
  }
  const { stderr: ofWrongUse } = await keymesh(['get', '--nonsense'], { execArguments })
  expect(ofWrongUse).toMatch(/unknown option.*commander/s)
  expect(ofWrongUse).not.toContain('libp2p')
})

test('an old Node.js is told so in one line', async () => {
  const execArguments = preloaded(`
    const versions = { ...process.versions, node: '22.11.0' }
    Object.defineProperty(process, 'versions', { value: versions })`)
  expect(await keymesh(['get', 'a'], { execArguments })).toEqual(
    answer(2, '', 'keymesh needs Node.js 22.12 or newer; this is 22.11.0\n')
  )
})

test('help is shown on demand, and to who says nothing', async () => {
  const asked = await keymesh(['--help'])
  expect(asked).toMatchObject({ code: 0, stderr: '' })
  expect(await keymesh([])).toEqual(answer(2, '', asked.stdout))
  expect(await keymesh(['--json'])).toEqual(answer(2, '', asked.stdout))
  for (const command of COMMANDS) {
    const { code, stdout } = await keymesh([...command.name.split(' '), '--help'])
    expect(code).toBe(0)
    expect(stdout).toContain('Examples:')
    expect(stdout).toContain('KEYMESH_')
  }
  expect(await keymesh(['--version'])).toMatchObject({ code: 0 })
})
