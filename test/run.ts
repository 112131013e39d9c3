import { spawn } from 'node:child_process'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { FACTS_FILE, sumFacts } from './report/facts.ts'
import { countReport, type SuiteResult, screen, type VitestReport } from './report/summary.ts'

// `npm test`: every step in turn, silent while it passes, and one screen at the end. A step that
// fails prints all it had to say and the others go on: one run shows everything that is wrong.

/**
 * `suites` are vitest projects, run together; `counts` says that the command ends its output with
 * `N passed, N failed`; any other step is one test, passed if it exits with 0.
 */
interface Step {
  readonly name: string
  readonly command: readonly string[]
  readonly suites?: readonly string[]
  readonly counts?: true
}

interface Ended {
  readonly code: number
  readonly output: string
}

/** A step that hangs is ended after this long, so that a run always comes to its last line. */
const STEP_MINUTES_MAX = 12

/** Simulated clusters of every `npm test`, some three and a half hours of their time. */
const SEEDS_DEFAULT = '500'

// `npm test -- --seeds 100` for a shorter run.
const { values: options } = parseArgs({
  options: { seeds: { type: 'string', default: SEEDS_DEFAULT } }
})
const root = process.cwd()
const scratch = mkdtempSync(join(tmpdir(), 'keymesh-test-'))
const factsFile = join(scratch, 'facts.jsonl')

const STEPS: readonly Step[] = [
  { name: 'types', command: ['tsc', '--noEmit'] },
  { name: 'lint', command: ['biome', 'check', '--error-on-warnings'] },
  { name: 'build', command: ['npm', 'run', '--silent', 'build'] },
  tests('fast', ['tidy', 'unit', 'scenario', 'model', 'contract', 'fuzz']),
  tests('simulation', ['simulation']),
  {
    name: 'seeds',
    command: ['node', 'test/simulation/run.ts', '--seeds', options.seeds],
    counts: true
  },
  tests('processes', ['processes'])
]

function tests(name: string, suites: readonly string[]): Step {
  const projects = suites.flatMap((suite) => ['--project', suite])
  return { name, suites, command: ['vitest', 'run', ...projects] }
}

async function main(): Promise<number> {
  const began = performance.now()
  writeFileSync(factsFile, '')
  const results: SuiteResult[] = []
  for (const step of STEPS) {
    process.stdout.write(`${step.name} …`)
    const suites = await runStep(step)
    const failed = suites.reduce((sum, suite) => sum + suite.failed, 0)
    process.stdout.write(`\r${step.name} ${failed === 0 ? 'ok' : 'FAILED'}\n`)
    results.push(...suites)
  }
  console.log(screen(results, sumFacts(factsFile), performance.now() - began))
  rmSync(scratch, { recursive: true })
  return results.some((suite) => suite.failed > 0) ? 1 : 0
}

async function runStep(step: Step): Promise<SuiteResult[]> {
  const began = performance.now()
  const json = join(scratch, `${step.name}.json`)
  const reporters = ['--reporter=dot', '--reporter=json', `--outputFile.json=${json}`]
  const ended = await run(step.suites ? [...step.command, ...reporters] : step.command)
  const results = step.suites
    ? countReport(readReport(json), step.suites, ended.code, root)
    : [plainResult(step, ended, performance.now() - began)]
  if (results.some((suite) => suite.failed > 0)) process.stdout.write(`\n${ended.output}\n`)
  return results
}

function plainResult({ name, counts }: Step, { code, output }: Ended, ms: number): SuiteResult {
  const one = { name, passed: code === 0 ? 1 : 0, failed: code === 0 ? 0 : 1, skipped: 0, ms }
  const line = counts === undefined ? null : /(\d+) passed, (\d+) failed\s*$/.exec(output)
  if (line === null) return counts === undefined ? one : { ...one, passed: 0, failed: 1 }
  return { ...one, passed: Number(line[1]), failed: Math.max(Number(line[2]), one.failed) }
}

/** No report at all (vitest could not start) counts like one in which no suite had a test. */
function readReport(file: string): VitestReport {
  if (!existsSync(file)) return { testResults: [] }
  return JSON.parse(readFileSync(file, 'utf8')) as VitestReport
}

function run(command: readonly string[]): Promise<Ended> {
  const [name = '', ...args] = command
  const child = spawn(name, args, {
    cwd: root,
    env: { ...process.env, [FACTS_FILE]: factsFile },
    stdio: ['ignore', 'pipe', 'pipe'],
    timeout: STEP_MINUTES_MAX * 60_000,
    killSignal: 'SIGKILL'
  })
  const chunks: Buffer[] = []
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk))
  child.stderr.on('data', (chunk: Buffer) => chunks.push(chunk))
  return new Promise((resolve, reject) => {
    child.on('error', reject)
    child.on('close', (code, signal) => {
      const note = signal === null ? '' : `\nended by ${signal}\n`
      resolve({ code: code ?? 1, output: Buffer.concat(chunks).toString() + note })
    })
  })
}

process.exitCode = await main()
