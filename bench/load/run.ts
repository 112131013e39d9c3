import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { fileURLToPath } from 'node:url'
import { asked } from '../../cluster/asked.ts'
import { perform, type Stage } from '../../cluster/stage.ts'
import { etcdVersion } from '../rig/etcd.ts'
import { commitOf, isInMemory, machineLine, machineOf } from '../rig/machine.ts'
import { HELP, type Options, parseOptions } from './options.ts'
import { plot } from './plot.ts'
import type { Results } from './results.ts'
import { runRounds } from './rounds.ts'
import { openSubjects } from './subjects.ts'
import { etcdTable, figuresTable, pairs, troubles } from './table.ts'
import { besidePuts, transactionsTable } from './transactions-table.ts'

// `npm run bench`: KeyMesh under load, through its client and over HTTP, and etcd beside it.

const RESULTS = fileURLToPath(new URL('../results/', import.meta.url))

const options = asked(parseOptions, HELP)
if (options !== undefined) await play(options)

async function play(options: Options): Promise<void> {
  await perform(async (stage) => {
    const results = await measure(stage, options)
    await report(results, options)
    const failures = results.figures.flatMap(({ failed }) => failed)
    if (failures.length > 0) console.error('operations failed: see above')
    return failures.length > 0 ? 1 : 0
  }, options.directory)
}

async function measure(stage: Stage, options: Options): Promise<Results> {
  const machine = await machineOf(stage.directory)
  console.log(machineLine(machine))
  if (isInMemory(machine)) console.log('The data lie in memory: syncs cost nothing here (--dir).')
  const asked = options.only.includes('etcd')
  const etcd = asked ? (etcdVersion() ?? null) : null
  if (asked && etcd === null) console.log('There is no etcd on the PATH: it is not measured.')
  const subjects = await openSubjects(stage, options)
  const figures = await runRounds(subjects, options)
  const { nodes, partitions, keys, valueBytes, seconds, rampMs, rounds, warmUpSeconds } = options
  const rampSeconds = rampMs / 1_000
  return {
    format: 1,
    at: new Date().toISOString(),
    commit: commitOf(),
    machine,
    settings: {
      nodes,
      partitions,
      keys,
      valueBytes,
      seconds,
      rampSeconds,
      rounds,
      warmUpSeconds
    },
    etcd,
    figures
  }
}

async function report(results: Results, options: Options): Promise<void> {
  console.log(figuresTable(results))
  if (pairs(results).length > 0) {
    console.log(`The same over HTTP, KeyMesh and etcd ${results.etcd}:`)
    console.log(etcdTable(results))
  }
  if (besidePuts(results).length > 0) {
    console.log('Transactions beside single puts of the same run:')
    console.log(transactionsTable(results))
  }
  for (const trouble of troubles(results)) console.log(trouble)
  const usual = `${RESULTS}${results.at.slice(0, 10)}-${results.commit}.json`
  const file = options.json ?? (options.isQuick ? undefined : usual)
  if (file === undefined) return
  mkdirSync(dirname(file), { recursive: true })
  writeFileSync(file, `${JSON.stringify(results, null, 2)}\n`)
  const picture = `${file.replace(/\.json$/, '')}.svg`
  writeFileSync(picture, await plot(results))
  console.log(`written: ${file}, ${picture}`)
}
