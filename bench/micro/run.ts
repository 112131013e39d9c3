import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { parseArgs } from 'node:util'
import Table from 'cli-table3'
import { Refused } from '../../cluster/refused.ts'
import { perform } from '../../cluster/stage.ts'
import { digits } from '../rig/figures.ts'
import { commitOf, machineLine, machineOf } from '../rig/machine.ts'
import { codecSections } from './codec.ts'
import { hashSections } from './hash.ts'
import { logSections } from './log.ts'
import type { Section } from './measure.ts'
import { raftSections } from './raft.ts'
import { simulationSections } from './simulation.ts'
import { stateSections } from './state.ts'
import { transportSections } from './transport.ts'

// `npm run bench:micro`: the parts of a put, each alone.

type Bench = (seconds: number, directory: string) => Section[] | Promise<Section[]>

const BENCHES: Readonly<Record<string, Bench>> = {
  raft: raftSections,
  codec: codecSections,
  state: stateSections,
  hash: hashSections,
  log: logSections,
  transport: transportSections,
  simulation: simulationSections
}
const NAMES = Object.keys(BENCHES).join(',')
const HELP = `npm run bench:micro -- [--only ${NAMES}] [--seconds 1] [--json FILE]
  --seconds: for each line of a table`

const { values } = parseArgs({
  options: {
    only: { type: 'string', default: NAMES },
    seconds: { type: 'string', default: '1' },
    json: { type: 'string' },
    help: { type: 'boolean', default: false }
  }
})
if (values.help) console.log(HELP)
else await perform(async (stage) => await play(stage.directory))

async function play(directory: string): Promise<number> {
  const seconds = Number(values.seconds)
  if (!(seconds > 0)) throw new Refused(`--seconds: more than 0, not ${values.seconds}`)
  const machine = await machineOf(directory)
  console.log(machineLine(machine))
  const sections: Section[] = []
  for (const name of values.only.split(',')) {
    const bench = BENCHES[name]
    if (bench === undefined) throw new Refused(`--only: ${NAMES}, not ${name}`)
    for (const section of await bench(seconds, directory)) {
      sections.push(section)
      show(section)
    }
  }
  if (values.json === undefined) return 0
  const at = new Date().toISOString()
  const results = { format: 1, at, commit: commitOf(), machine, settings: { seconds }, sections }
  mkdirSync(dirname(values.json), { recursive: true })
  writeFileSync(values.json, `${JSON.stringify(results, null, 2)}\n`)
  console.log(`written: ${values.json}`)
  return 0
}

function show({ title, columns, rows }: Section): void {
  const table = new Table({
    head: ['', ...columns],
    style: { head: [], border: [] },
    chars: { mid: '', 'left-mid': '', 'mid-mid': '', 'right-mid': '' },
    colAligns: ['left', ...columns.map((): 'right' => 'right')]
  })
  for (const { name, values: numbers } of rows) table.push([name, ...numbers.map(digits)])
  console.log(`${title}\n${table.toString()}`)
}
