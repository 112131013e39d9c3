import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { expect, test } from 'vitest'
import type { Results as FaultResults } from '../../bench/faults/results.ts'
import { isTransaction } from '../../bench/load/job.ts'
import type { Results } from '../../bench/load/results.ts'

// Goal: a load test that fails nobody would trust. Method: the shortest run there is, and one that
// is interrupted.

const RUN = fileURLToPath(new URL('../../bench/load/run.ts', import.meta.url))
const FAULTS = fileURLToPath(new URL('../../bench/faults/run.ts', import.meta.url))

interface Run {
  readonly child: ReturnType<typeof spawn>
  readonly output: () => string
}

function run(...args: readonly string[]): Run {
  const quick = ['--quick', '--seconds', '0.3', '--keys', '300', '--partitions', '4']
  return start(RUN, [...quick, ...args])
}

function start(program: string, args: readonly string[]): Run {
  const child = spawn(process.execPath, ['--no-warnings', program, ...args])
  let text = ''
  child.stdout.on('data', (chunk) => {
    text += chunk
  })
  child.stderr.on('data', (chunk) => {
    text += chunk
  })
  return { child, output: () => text }
}

test('a run measures every load, and leaves nothing behind', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'keymesh-bench-test-'))
  const file = join(directory, 'out.json')
  const dir = ['--dir', directory]
  const { child, output } = run('--only', 'client,http', '--in-flight', '4', '--json', file, ...dir)
  const [code] = await once(child, 'close')
  expect([code, output()]).toEqual([0, expect.stringContaining('written: ')])
  const results = JSON.parse(readFileSync(file, 'utf8')) as Results
  expect(results.figures.map(({ api, load }) => `${api} ${load}`)).toEqual([
    ...['client put', 'http put', 'client get', 'http get'],
    ...['client eventual', 'http eventual', 'client mix', 'http mix'],
    ...['client txn', 'http txn', 'client tagged', 'http tagged', 'client rmw', 'http rmw']
  ])
  expect(output()).toContain('Transactions beside single puts')
  for (const { load, refused, failed, perSecond, ms, logSyncs } of results.figures) {
    expect(failed).toEqual([])
    if (refused !== null) continue
    expect(perSecond.min).toBeGreaterThan(0)
    if (load === 'put' || isTransaction(load)) expect(logSyncs?.count).toBeGreaterThan(0)
    expect(ms.p50).toBeGreaterThan(0)
    expect(ms.p999).toBeGreaterThanOrEqual(ms.p50)
  }
  expect(readFileSync(join(directory, 'out.svg'), 'utf8')).toMatch(/^<svg [\s\S]*strong get/)
  expect(readdirSync(directory).sort()).toEqual(['out.json', 'out.svg'])
  rmSync(directory, { recursive: true })
})

test('an interrupted run ends what it started', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'keymesh-bench-test-'))
  const { child, output } = run('--only', 'http', '--dir', directory)
  await expect.poll(output, { timeout: 100_000 }).toContain('nodes of KeyMesh serve')
  const [stage] = readdirSync(directory)
  expect(existsSync(join(directory, stage ?? '', 'node-1'))).toBe(true)
  child.kill('SIGINT')
  const [code] = await once(child, 'close')
  expect(code).toBe(130)
  // The nodes held the pipe of stderr open, and their directory: both are gone.
  expect(readdirSync(directory)).toEqual([])
  rmSync(directory, { recursive: true })
})

test('what cannot be measured is refused in one line', async () => {
  for (const [args, line] of [
    [['--only', 'disk'], /^--only: client, http, etcd, not disk\n$/],
    [['--loads', 'txn', '--keys', '1'], /^--keys: a transaction takes two\n$/],
    [['--rounds', '0'], /^--rounds: a whole number from 1 to 100, not 0\n$/]
  ] as const) {
    const { child, output } = run(...args)
    const [code] = await once(child, 'close')
    expect([code, output()]).toEqual([2, expect.stringMatching(line)])
  }
})

test('a failover is timed for each partition the killed node led', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'keymesh-bench-test-'))
  const file = join(directory, 'out.json')
  const small = ['--quick', '--only', 'failover', '--kills', '1', '--partitions', '8']
  const { child, output } = start(FAULTS, [...small, '--dir', directory, '--json', file])
  const [code] = await once(child, 'close')
  // Whether targets are met hangs on the machine; that they are judged does not.
  expect([code, output()]).toEqual([expect.toBeOneOf([0, 1]), expect.stringContaining('written:')])
  const { failover, verdicts } = JSON.parse(readFileSync(file, 'utf8')) as FaultResults
  const [kill] = failover?.kills ?? []
  expect(kill?.ledPartitions).toBeGreaterThan(0)
  expect(kill?.ms.length).toBe(kill?.ledPartitions)
  expect(kill?.leadersBackMs).toBeGreaterThan(0)
  expect(verdicts.map(({ met }) => met).includes(false)).toBe(code === 1)
  expect(readdirSync(directory)).toEqual(['out.json'])
  rmSync(directory, { recursive: true })
})

test('who held keys when it was killed is told apart from who only fell', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'keymesh-bench-test-'))
  const file = join(directory, 'out.json')
  const small = ['--quick', '--only', 'coordinator', '--kills', '1', '--partitions', '8']
  const { child, output } = start(FAULTS, [...small, '--dir', directory, '--json', file])
  const [code] = await once(child, 'close')
  expect([code, output()]).toEqual([expect.toBeOneOf([0, 1]), expect.stringContaining('written:')])
  const { coordinator } = JSON.parse(readFileSync(file, 'utf8')) as FaultResults
  const [kill] = coordinator?.kills ?? []
  expect(kill?.failoverMs.length).toBeGreaterThan(0)
  expect(kill?.othersMs.length).toBeGreaterThan(0)
  expect((kill?.failoverMs.length ?? 0) + (kill?.othersMs.length ?? 0)).toBe(8)
  expect(kill?.beforeMs.length).toBe(8)
  expect(coordinator?.load.requests).toBeGreaterThan(0)
  expect(coordinator?.load.failed).toEqual([])
  rmSync(directory, { recursive: true })
})
