/**
 * Group commit of the log on the real disk: `npx node bench/micro/log.ts [directory]`. N appenders
 * append 200 bytes each, wait until that is durable, and do it again; they share one commit a turn, as
 * the replicas of a node do. Prints entries per second and CPU time per entry.
 */
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { openFiles } from '../../src/storage/files.ts'
import { openLog } from '../../src/storage/segmented-log.ts'

const GROUPS = 64
const ENTRY = new Uint8Array(200).fill(7)
const SECONDS = 3

const base = process.argv[2] ?? os.tmpdir()

async function run(appenders: number): Promise<void> {
  const directory = fs.mkdtempSync(path.join(base, 'keymesh-bench-log-'))
  const log = openLog(openFiles(directory))
  const members = [{ replica: 1, node: 'a', voter: true }]
  const mark = { index: 1, term: 1, configuration: { members } }
  const last = new Array<number>(GROUPS).fill(1)
  for (let group = 0; group < GROUPS; group++) log.create(group, 1, mark, { term: 1, vote: 0 })

  let entries = 0
  let commits = 0
  let stopping = false
  let ready: number[] = Array.from({ length: appenders }, (_, i) => i)
  const waits: number[] = []
  const turn = (): void => {
    const batch = ready
    ready = []
    for (const appender of batch) {
      const group = appender % GROUPS
      const index = (last[group] ?? 0) + 1
      last[group] = index
      log.append(group, [{ index, term: 1, kind: 'command', data: ENTRY }])
    }
    const started = performance.now()
    log.commit((fault) => {
      if (fault !== undefined) throw fault
      entries += batch.length
      commits++
      waits.push(performance.now() - started)
      if (stopping) return
      if (ready.length === 0) setImmediate(turn)
      for (const appender of batch) ready.push(appender)
    })
  }
  const cpu = process.cpuUsage()
  const started = performance.now()
  turn()
  await new Promise((done) => setTimeout(done, SECONDS * 1000))
  const seconds = (performance.now() - started) / 1000
  const { user, system } = process.cpuUsage(cpu)
  const counted = entries
  stopping = true
  await new Promise<void>((done) => log.close(done))
  waits.sort((a, b) => a - b)
  console.log(
    `${String(appenders).padStart(4)} appenders: ${Math.round(counted / seconds)} entries/s, ` +
      `${((user + system) / counted).toFixed(1)} us CPU/entry, ` +
      `p50 ${(waits[waits.length >> 1] ?? 0).toFixed(2)} ms, ` +
      `p99 ${(waits[Math.floor(waits.length * 0.99)] ?? 0).toFixed(2)} ms, ${commits} commits`
  )
  const reopened = performance.now()
  const groups = openLog(openFiles(directory)).groups().length
  const took = (performance.now() - reopened).toFixed(0)
  console.log(
    `     reopened ${groups} groups, ${Math.round(log.bytes / 2 ** 20)} MiB in ${took} ms`
  )
  fs.rmSync(directory, { recursive: true })
}

for (const appenders of [1, 16, 256]) await run(appenders)
