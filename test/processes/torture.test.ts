import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { Stage } from '../../cluster/stage.ts'
import { seededRandom } from '../../src/world/random.ts'
import { reportFacts } from '../report/facts.ts'
import { stale } from '../torture/faults/copies.ts'
import { cut, oneWay, reset } from '../torture/faults/cuts.ts'
import type { Fault } from '../torture/faults/fault.ts'
import { killAll, killMajority, stop } from '../torture/faults/kills.ts'
import { pause } from '../torture/faults/pauses.ts'
import { rot } from '../torture/faults/rot.ts'
import { syncError } from '../torture/faults/sync-errors.ts'
import { Proxies } from '../torture/proxies.ts'
import type { RoundReport } from '../torture/round.ts'
import { Trial } from '../torture/trial.ts'

// The torture of `npm run torture`, one short round of each kind: everything that callers of real
// processes are told is checked for its truth.

const TORTURE = fileURLToPath(new URL('../torture/run.ts', import.meta.url))
/** A fault that lasts longer teaches nothing more here. */
const FAULT_MS_MAX = 2_500

const random = seededRandom('short')
const reports: RoundReport[] = []
/** What was done, for whoever has to find out why it failed. */
const said: string[] = []
let stage: Stage
let trial: Trial | undefined

beforeAll(async () => {
  stage = new Stage()
  if (Proxies.obstacle !== undefined) return
  const shape = { nodes: 3, replicas: 3, partitions: 4 }
  const say = (what: string): void => void said.push(what)
  const options = { name: 'torture', shape, isApart: false, msMax: FAULT_MS_MAX, say }
  trial = await Trial.open(stage, options)
})
afterAll(async () => {
  await trial?.close()
  await stage[Symbol.asyncDispose]()
})

const FAULTS: readonly Fault[] = [
  killMajority,
  killAll,
  stop,
  pause,
  cut,
  oneWay,
  reset,
  syncError,
  rot,
  stale
]

for (const fault of FAULTS) {
  test(`callers are told the truth: ${fault.name}`, async (context) => {
    const obstacle = Proxies.obstacle ?? (trial && fault.obstacle(trial.arena))
    if (trial === undefined || obstacle !== undefined) {
      context.skip(obstacle)
      return
    }
    const report = await trial.play(fault.name, fault, random.fork(fault.name))
    reports.push(report)
    const { ok, failed, unknown } = report.counts
    reportFacts({ faults: report.strikes, operations: ok + failed + unknown })
    expect(report.anomalies, said.join('\n')).toEqual([])
    expect(report.strikes).toBeGreaterThan(0)
    expect(ok).toBeGreaterThan(300)
  })
}

test('what was sure in one round is there after all others', async (context) => {
  if (trial === undefined) context.skip(Proxies.obstacle)
  expect(reports.flatMap(({ settled }) => settled).length).toBeGreaterThan(100)
  expect(await trial?.recall(reports)).toEqual([])
})

/** All it prints until a line of this form, or its end. */
async function printed(child: ChildProcess, until: RegExp): Promise<string> {
  let text = ''
  const found = new Promise<void>((resolve) => {
    child.stdout?.on('data', (chunk: Buffer) => {
      text += chunk.toString()
      if (until.test(text)) resolve()
    })
  })
  await Promise.race([found, once(child, 'close')])
  return text
}

/** Processes of this system that were given `text`. */
function processesWith(text: string): number[] {
  return readdirSync('/proc')
    .map(Number)
    .filter((pid) => pid > 0)
    .filter((pid) => {
      const file = `/proc/${pid}/cmdline`
      return existsSync(file) && readFileSync(file, 'latin1').includes(text)
    })
}

test('a torture that is interrupted leaves nothing behind', async (context) => {
  if (Proxies.obstacle !== undefined) context.skip(Proxies.obstacle)
  const parent = mkdtempSync(join(tmpdir(), 'keymesh-torture-test-'))
  const args = ['--no-warnings', TORTURE, '--nodes', '3', '--only', 'pause', '--dir', parent]
  const child = spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const closed = once(child, 'close')
  expect(await printed(child, /r1 stop/)).toMatch(/c1: 3 nodes, \d+ partitions\nc1-r1 stop/)
  expect(processesWith(parent).length).toBeGreaterThanOrEqual(4)
  child.kill('SIGINT')
  expect((await closed)[0]).toBe(130)
  expect(processesWith(parent)).toEqual([])
  expect(readdirSync(parent)).toEqual([])
  rmSync(parent, { recursive: true })
})
