import { relative, sep } from 'node:path'
import type { Facts } from './facts.ts'
import { spreadLines } from './spread.ts'

/** One line of the final screen. */
export interface SuiteResult {
  readonly name: string
  passed: number
  failed: number
  skipped: number
  ms: number
}

/** The part of vitest's JSON report that is read here. */
export interface VitestReport {
  readonly testResults: readonly {
    readonly name: string
    readonly status: string
    readonly startTime: number
    readonly endTime: number
    readonly assertionResults: readonly { readonly status: string }[]
  }[]
}

/**
 * Counts a vitest report per suite, in the order of `names`: the folder under test/ a file lies in.
 * A file that could not even be loaded counts as one failed test; so does a suite without any test,
 * and a run that ended badly for another reason (an error outside a test).
 */
export function countReport(
  report: VitestReport,
  names: readonly string[],
  exitCode: number,
  root: string
): SuiteResult[] {
  const suites = new Map<string, SuiteResult>()
  for (const name of names) suites.set(name, { name, passed: 0, failed: 0, skipped: 0, ms: 0 })
  for (const file of report.testResults) {
    const name = suiteOf(relative(root, file.name))
    const suite = suites.get(name) ?? { name, passed: 0, failed: 0, skipped: 0, ms: 0 }
    suites.set(name, suite)
    addFile(suite, file)
  }
  const results = [...suites.values()]
  for (const suite of results) if (suite.passed + suite.failed === 0) suite.failed = 1
  const last = results.at(-1)
  if (exitCode !== 0 && results.every((s) => s.failed === 0) && last) last.failed = 1
  return results
}

function addFile(suite: SuiteResult, file: VitestReport['testResults'][number]): void {
  let failed = 0
  for (const { status } of file.assertionResults) {
    if (status === 'passed') suite.passed++
    else if (status === 'failed') failed++
    else suite.skipped++
  }
  suite.failed += failed === 0 && file.status === 'failed' ? 1 : failed
  suite.ms += Math.max(0, file.endTime - file.startTime)
}

/** The final screen; its last line is always `N passed, N failed`. */
export function screen(
  results: readonly SuiteResult[],
  facts: Required<Facts>,
  ms: number
): string {
  const lines = ['', 'suite        passed  failed          time']
  for (const { name, passed, failed, skipped, ms: suiteMs } of results) {
    const counts = `${name.padEnd(11)}${number(passed, 8)}${number(failed, 8)}`
    const notes = skipped === 0 ? '' : `  (${skipped} skipped)`
    lines.push(`${counts}${duration(suiteMs).padStart(14)}${notes}`)
  }
  if (facts.seeds > 0) {
    const hours = (facts.simulatedMs / 3_600_000).toFixed(2)
    lines.push('', `simulated ${hours} h of clusters from ${number(facts.seeds)} seeds`)
    for (const line of spreadLines(facts.clusters)) lines.push(`  ${line}`)
  } else lines.push('')
  lines.push(`injected ${number(facts.faults)} faults`)
  lines.push(`checked ${number(facts.operations)} operations of clients`)
  lines.push(`took ${duration(ms)}`, '')
  const passed = results.reduce((sum, suite) => sum + suite.passed, 0)
  const failed = results.reduce((sum, suite) => sum + suite.failed, 0)
  lines.push(`${passed} passed, ${failed} failed`)
  return lines.join('\n')
}

function number(value: number, width = 0): string {
  return String(value)
    .replace(/\B(?=(\d{3})+$)/g, ',')
    .padStart(width)
}

function duration(ms: number): string {
  if (ms < 60_000) return `${(ms / 1_000).toFixed(1)} s`
  return `${Math.floor(ms / 60_000)} min ${Math.round((ms % 60_000) / 1_000)} s`
}

/** `test/unit/raft/log.test.ts` is of `unit`, `test/tidy.test.ts` of `tidy`. */
function suiteOf(path: string): string {
  return (path.split(sep)[1] ?? path).replace('.test.ts', '')
}
