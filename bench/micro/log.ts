/**
 * Group commit of the log on the real disk: `npx node bench/micro/log.ts [directory]`. N appenders
 * append 200 bytes each, wait until that is durable, and do it again; they share one commit a turn,
 * as the replicas of a node do. Prints entries per second and CPU time per entry.
 */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { openFiles } from '../../src/storage/files.ts'
import type { NodeLog } from '../../src/storage/log-types.ts'
import { openLog } from '../../src/storage/segmented-log.ts'

const GROUPS = 64
const ENTRY = new Uint8Array(200).fill(7)
const SECONDS = 3

const base = process.argv[2] ?? os.tmpdir()

async function run(appenders: number): Promise<void> {
  const directory = fs.mkdtempSync(path.join(base, 'keymesh-bench-log-'))
  const log = openGroups(directory)
  const load = new Load(log, appenders)
  const cpu = process.cpuUsage()
  const started = performance.now()
  load.turn()
  await new Promise((done) => setTimeout(done, SECONDS * 1000))
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(cpu)
  report(load, seconds, user + system)
  load.stopping = true
  await new Promise<void>((done) => log.close(done))
  const reopened = performance.now()
  const groups = openLog(openFiles(directory)).groups().length
  const took = (performance.now() - reopened).toFixed(0)
  const size = Math.round(log.bytes / 2 ** 20)
  console.log(`     reopened ${groups} groups, ${size} MiB in ${took} ms`)
  fs.rmSync(directory, { recursive: true })
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
  readonly appenders: number
  readonly waits: number[] = []
  entries = 0
  commits = 0
  stopping = false
  readonly #log: NodeLog
  readonly #last = new Array<number>(GROUPS).fill(1)
  #ready: number[]

  constructor(log: NodeLog, appenders: number) {
    this.#log = log
    this.appenders = appenders
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
      this.commits++
      this.waits.push(performance.now() - started)
      if (this.stopping) return
      if (this.#ready.length === 0) setImmediate(this.turn)
      this.#ready.push(...batch)
    })
  }
}

function report({ appenders, entries, commits, waits }: Load, seconds: number, cpu: number): void {
  waits.sort((a, b) => a - b)
  const at = (share: number): string => (waits[Math.floor(waits.length * share)] ?? 0).toFixed(2)
  console.log(
    `${String(appenders).padStart(4)} appenders: ${Math.round(entries / seconds)} entries/s, ` +
      `${(cpu / entries).toFixed(1)} us CPU/entry, ` +
      `p50 ${at(0.5)} ms, p99 ${at(0.99)} ms, ${commits} commits`
  )
}

for (const appenders of [1, 16, 256]) await run(appenders)
