import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import Table from 'cli-table3'
import { asked } from '../../cluster/asked.ts'
import { perform, type Stage } from '../../cluster/stage.ts'
import { rounded, whole } from '../rig/figures.ts'
import { commitOf, machineLine, machineOf } from '../rig/machine.ts'
import type { Log } from './callers.ts'
import { type Coordinator, coordinator, coordinatorVerdicts } from './coordinator.ts'
import { failover, failoverVerdicts } from './failover.ts'
import { idle, idleVerdicts } from './idle.ts'
import { HELP, type Options, parseOptions } from './options.ts'
import { type Overload, overload, overloadVerdicts } from './overload.ts'
import type { Results } from './results.ts'
import { stopping, stoppingVerdicts } from './stopping.ts'
import { isMet, verdictRow } from './verdicts.ts'

// `npm run bench:faults`: what a failure, a stop, rest and too many callers cost.

const STALLED_MS_MAX = 100

const options = asked(parseOptions, HELP)
if (options !== undefined) await play(options)

async function play(options: Options): Promise<void> {
  await perform(async (stage) => {
    const results = await measure(stage, options)
    report(results, options)
    return results.verdicts.every(({ met }) => met) ? 0 : 1
  }, options.directory)
}

async function measure(stage: Stage, options: Options): Promise<Results> {
  const machine = await machineOf(stage.directory)
  console.log(machineLine(machine))
  const { directory, json, ...settings } = options
  const { only } = options
  const delay = monitorEventLoopDelay({ resolution: 10 })
  delay.enable()
  const failed = only.includes('failover') ? await failover(stage, options) : null
  const coordinated = only.includes('coordinator') ? await coordinator(stage, options) : null
  const stops = only.includes('stop') ? await stopping(stage, options) : null
  const idled = only.includes('idle') ? await idle(stage, options) : null
  const loaded = only.includes('overload') ? await overload(stage, options) : null
  const verdicts = [
    ...(failed === null ? [] : failoverVerdicts(failed)),
    ...(coordinated === null ? [] : coordinatorVerdicts(coordinated)),
    ...(stops === null ? [] : stoppingVerdicts(stops)),
    ...(idled === null ? [] : idleVerdicts(idled)),
    ...(loaded === null ? [] : overloadVerdicts(loaded))
  ]
  return {
    format: 1,
    at: new Date().toISOString(),
    commit: commitOf(),
    machine,
    settings,
    stalledMs: rounded(delay.max / 1e6),
    failover: failed,
    coordinator: coordinated,
    stops,
    idle: idled,
    overload: loaded,
    verdicts: verdicts.map((verdict) => ({ ...verdict, met: isMet(verdict) }))
  }
}

function report(results: Results, { json }: Options): void {
  const table = new Table({
    head: ['figure', 'measured', 'target', 'met'],
    style: { head: [], border: [] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
    colAligns: ['left', 'right', 'right', 'left']
  })
  for (const verdict of results.verdicts) table.push(verdictRow(verdict))
  console.log(table.toString())
  for (const line of details(results)) console.log(line)
  const { stalledMs } = results
  const stalled = `this process itself stood still for up to ${whole(stalledMs)} ms`
  if (stalledMs > STALLED_MS_MAX) console.log(`The machine is busy with something else: ${stalled}`)
  if (json === undefined) return
  mkdirSync(dirname(json), { recursive: true })
  writeFileSync(json, `${JSON.stringify(results, null, 2)}\n`)
  console.log(`written: ${json}`)
}

/** What stands behind the figures, as far as it may be bad news. */
function details({ failover, coordinator, stops, overload }: Results): string[] {
  return [
    ...(failover === null ? [] : failures('calls after a kill', failover.load.outage.failed)),
    ...(failover === null ? [] : failures('calls at a return', failover.load.back.failed)),
    ...(coordinator === null ? [] : coordinatorLines(coordinator)),
    ...(stops ?? []).flatMap(({ node, before, during, back }) => [
      ...failures(`before node ${node} stopped`, before.failed),
      ...failures(`while node ${node} stopped`, during.failed),
      ...failures(`while node ${node} came back`, back.failed)
    ]),
    ...(overload?.endings ?? []).map(({ way, code, count, p50Ms, p99Ms }) => {
      const how = code === '' ? 'succeeded' : code
      return `overload, ${way}: ${whole(count)} ${how}, p50 ${p50Ms} ms, p99 ${p99Ms} ms`
    }),
    ...(overload === null ? [] : [busyLine(overload)])
  ]
}

function failures(what: string, failed: Log['failed']): string[] {
  return failed.map(({ code, count, example }) => `${what}: ${count} failed, ${code}: ${example}`)
}

function coordinatorLines({ kills, worst, struck, load }: Coordinator): string[] {
  const times = Object.entries(worst).map(([what, ms]) => `${what.slice(0, -2)} ${whole(ms)} ms`)
  return [
    `coordinator, ${kills.length} kills, longest: ${times.join(', ')}`,
    `coordinator: ${whole(struck.requests)} transactions under way, ${whole(load.requests)} others`,
    ...failures('transactions under way at a kill', struck.failed),
    ...failures('transactions at other times', load.failed)
  ]
}

function busyLine({ cpuPercent, generatorsLateMs }: Overload): string {
  const percents = (each: readonly number[]): string => each.map((one) => whole(one)).join(', ')
  const late = generatorsLateMs.map(({ p50, p99 }) => `${whole(p50)} (p99 ${whole(p99)})`)
  return (
    `overload, % of a core: nodes ${percents(cpuPercent.nodes)}, callers ` +
    `${percents(cpuPercent.generators)}; callers late by ${late.join(', ')} ms`
  )
}
