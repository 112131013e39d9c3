import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import { get, put, Stage } from './harness.ts'

// `npm run cluster`, without npm: what it prints, and that nothing outlives it.

const LOCAL = fileURLToPath(new URL('../../cluster/local.ts', import.meta.url))
const PORTS = ['--http-port', '0', '--p2p-port', '0']

function local(...args: readonly string[]): ChildProcess {
  return spawn(process.execPath, ['--no-warnings', LOCAL, ...args], { stdio: 'pipe' })
}

/** All it prints until a line of this form, or its end. */
async function output(child: ChildProcess, until?: RegExp): Promise<string> {
  let text = ''
  const closed = once(child, 'close')
  const found = new Promise<void>((resolve) => {
    const take = (chunk: Buffer): void => {
      text += chunk.toString()
      if (until?.test(text)) resolve()
    }
    child.stdout?.on('data', take)
    child.stderr?.on('data', take)
  })
  await Promise.race([found, closed])
  return text
}

function isAlive(pid: number): boolean {
  try {
    return process.kill(pid, 0)
  } catch {
    // There is no such process, or it is another user's.
    return false
  }
}

test('the cluster serves, is not outlived by its nodes, and keeps its numbers', async () => {
  await using stage = new Stage()
  const shape = ['--nodes', '3', '--partitions', '8', '--data', stage.directory, ...PORTS]
  const first = local(...shape)
  const text = await output(first, /^ready: 3 nodes$/m)
  expect(text).toMatch(/ready: 3 nodes\n$/)
  expect(text).toMatch(/curl .*\n +npx node .*connect.*\n +npx autocannon/)
  const urls = [...text.matchAll(/node \d +(http:\S+)/g)].map((match) => match[1] as string)
  const pids = [...text.matchAll(/pid (\d+)/g)].map((match) => Number(match[1]))
  expect([urls.length, pids.length]).toEqual([3, 3])
  expect((await put(urls[0] as string, 'kept', 'value')).status).toBe(200)
  first.kill('SIGKILL')
  await expect.poll(() => pids.some(isAlive), { timeout: 20_000 }).toBe(false)

  const other = local('--nodes', '5', '--data', stage.directory, ...PORTS)
  expect(await output(other)).toMatch(/^.* holds a cluster with --nodes 3: .*\n$/)
  expect(other.exitCode).toBe(2)

  const detached = local('--data', stage.directory, '--detach', ...PORTS)
  const again = await output(detached)
  expect(again).toMatch(/ready: 3 nodes\n$/)
  const url = /node 3 +(http:\S+)/.exec(again)?.[1] ?? ''
  expect(await get(url, 'kept')).toEqual({ status: 200, text: 'value' })
  expect(await output(local('--stop', '--data', stage.directory))).toBe('stopped\n')
  await expect(get(url, 'kept')).rejects.toThrow()
})

test('what cannot be is refused in a line before anything is written', async () => {
  await using stage = new Stage()
  const data = join(stage.directory, 'data')
  const refused: readonly (readonly [args: string[], line: RegExp])[] = [
    [['--partitions', '3'], /^partitions: must be a power of two, not 3\n$/],
    [['--nodes', '0'], /^nodes: must be a whole number from 1 to 100, not 0\n$/],
    [['--replicas', '99'], /^replicas: must be a whole number from 1 to 15, not 99\n$/],
    [['--http-port', '70000'], /^--http-port: .* 65535: 70000\n$/],
    [['--detach', '--partitions', '3'], /^partitions: /],
    [['--nonsense'], /--nonsense/],
    [['--data', '/proc/keymesh'], /^--data: cannot create \/proc\/keymesh: .*\n$/]
  ]
  for (const [args, line] of refused) {
    const child = local('--data', data, ...PORTS, ...args)
    expect(await output(child)).toMatch(line)
    expect(child.exitCode).toBe(2)
    expect(existsSync(data)).toBe(false)
  }
})

test('a damaged file of the cluster is named', async () => {
  await using stage = new Stage()
  const data = stage.directory
  for (const name of ['cluster.json', 'running.json']) {
    const file = join(data, name)
    for (const content of ['{"nodes":', '7', '{}']) {
      writeFileSync(file, content)
      const child = local('--data', data, ...PORTS)
      expect(await output(child)).toMatch(new RegExp(`^${file} is damaged: .*\n$`))
      expect(child.exitCode).toBe(2)
    }
    rmSync(file)
  }
})
