import fs from 'node:fs'
import path from 'node:path'
import { openFiles } from '../../src/storage/files.ts'
import type { NodeLog } from '../../src/storage/log-types.ts'
import { openLog } from '../../src/storage/segmented-log.ts'
import { at, rounded } from '../rig/figures.ts'
import type { Section } from './measure.ts'

// Group commit of the log on the real disk. N appenders append 200 bytes each, wait until that is
// durable, and do it again; they share one commit a turn, as the replicas of a node do.

const GROUPS = 64
const ENTRY = new Uint8Array(200).fill(7)
const APPENDERS = [1, 16, 256]
const COLUMNS = ['entries/s', 'CPU us/entry', 'commit p50 ms', 'p99 ms', 'reopen ms', 'log MiB']

/** `base`: where the logs go while they are measured. */
export async function logSections(seconds: number, base: string): Promise<Section[]> {
  const rows: Section['rows'][number][] = []
  for (const appenders of APPENDERS) {
    const name = `${appenders} appenders`
    rows.push({ name, values: await run(appenders, seconds, base) })
  }
  return [{ title: 'Log: entries of 200 bytes, each durable', columns: COLUMNS, rows }]
}

async function run(appenders: number, seconds: number, base: string): Promise<number[]> {
  const directory = fs.mkdtempSync(path.join(base, 'log-'))
  const log = openGroups(directory)
  const load = new Load(log, appenders)
  const cpu = process.cpuUsage()
  const started = performance.now()
  load.turn()
  await new Promise((done) => setTimeout(done, seconds * 1_000))
  const took = (performance.now() - started) / 1_000
  const { user, system } = process.cpuUsage(cpu)
  const { entries } = load
  load.stopping = true
  await new Promise<void>((done) => log.close(done))
  const reopened = performance.now()
  openLog(openFiles(directory))
  const reopenMs = performance.now() - reopened
  fs.rmSync(directory, { recursive: true })
  const waits = load.waits.sort((a, b) => a - b)
  const times = [at(waits, 0.5), at(waits, 0.99)]
  const mebibytes = log.bytes / 2 ** 20
  return [entries / took, (user + system) / entries, ...times, reopenMs, mebibytes].map(rounded)
}

function openGroups(directory: string): NodeLog {
  const log = openLog(openFiles(directory))
  const members = [{ replica: 1, node: 'a', voter: true }]
  const mark = { index: 1, term: 1, configuration: { members } }
  for (let group = 0; group < GROUPS; group++) log.create(group, 1, mark, { term: 1, vote: 0 })
  return log
}

/** So many appenders, each with its next entry as soon as the one before is durable. */
class Load {
  readonly waits: number[] = []
  entries = 0
  stopping = false
  readonly #log: NodeLog
  readonly #last = new Array<number>(GROUPS).fill(1)
  #ready: number[]

  constructor(log: NodeLog, appenders: number) {
    this.#log = log
    this.#ready = Array.from({ length: appenders }, (_, i) => i)
  }

  readonly turn = (): void => {
    const batch = this.#ready
    this.#ready = []
    for (const appender of batch) {
      const group = appender % GROUPS
      const index = (this.#last[group] ?? 0) + 1
      this.#last[group] = index
      this.#log.append(group, [{ index, term: 1, kind: 'command', data: ENTRY }])
    }
    const started = performance.now()
    this.#log.commit((fault) => {
      if (fault !== undefined) throw fault
      this.entries += batch.length
      this.waits.push(performance.now() - started)
      if (this.stopping) return
      if (this.#ready.length === 0) setImmediate(this.turn)
      this.#ready.push(...batch)
    })
  }
}
