import { writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { type RunOptions, runCommand } from './command.ts'
import { READY_MS_MAX, Stage } from './harness.ts'

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
  const environment = { KEYMESH_SEED: seed, ...options.environment }
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
    [['get', 'a', '--seed', 'localhost:7101'], /^keymesh: localhost:7101 is no multiaddr.*\n$/],
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
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as { readonly port: number }
  await new Promise((resolve) => server.close(resolve))
  const nobody = ['--seed', `/ip4/127.0.0.1/tcp/${port}`, '--timeout', '700ms']
  expect(await keymesh(['put', 'a', 'b', ...nobody])).toEqual(
    answer(3, '', expect.stringMatching(/^keymesh: .*refused.*\(unavailable\)\n$/) as string)
  )
  const environment = { KEYMESH_CLUSTER_KEY: 'ab'.repeat(32) }
  expect(await keymesh(['get', 'a', '--timeout', '1s'], { environment })).toMatchObject({ code: 3 })
})

test('help is shown on demand, and to who says nothing', async () => {
  const asked = await keymesh(['--help'])
  expect(asked).toMatchObject({ code: 0, stderr: '' })
  expect(await keymesh([])).toEqual(answer(2, '', asked.stdout))
  for (const command of ['start', 'get', 'put', 'delete']) {
    const { code, stdout } = await keymesh([command, '--help'])
    expect(code).toBe(0)
    expect(stdout).toContain('Examples:')
    expect(stdout).toContain('KEYMESH_')
  }
  expect(await keymesh(['--version'])).toMatchObject({ code: 0 })
})
