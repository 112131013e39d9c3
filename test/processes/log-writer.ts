/**
 * Appends to the log in the directory given, and prints the last durable index, until it is killed.
 */
import { openFiles } from '../../src/storage/files.ts'
import { openLog } from '../../src/storage/segmented-log.ts'

const log = openLog(openFiles(process.argv[2] ?? ''), { segmentBytes: 64 * 1024 })
const [found] = log.groups()
let last = found?.start.lastIndex ?? 1
if (found === undefined) {
  const configuration = { members: [{ replica: 1, node: 'a', voter: true }] }
  log.create(1, 1, { index: 1, term: 1, configuration }, { term: 1, vote: 0 })
}

function turn(): void {
  for (let i = 0; i < 5; i++) {
    last++
    log.append(1, [{ index: last, term: 1, kind: 'command', data: new Uint8Array(300).fill(last) }])
  }
  const upTo = last
  log.commit((fault) => {
    if (fault !== undefined) throw fault
    process.stdout.write(`${upTo}\n`)
    setImmediate(turn)
  })
}

turn()
