import { readdirSync, readFileSync, writeFileSync } from 'node:fs'
import path from 'node:path'
import { expect, test } from 'vitest'
import { runScript } from './raft-script.ts'

// Goal: each script leads to exactly the golden trace beside it. A change of behaviour shows as a
// diff of a trace, to be read line by line; UPDATE_GOLDEN=1 writes the traces anew. The oracle of
// the swarm watches here too.

const FOLDER = import.meta.dirname
const scripts = readdirSync(FOLDER).filter((file) => /^raft-.*(?<!\.out)\.txt$/.test(file))

test.each(scripts)('%s', (file) => {
  const trace = runScript(readFileSync(path.join(FOLDER, file), 'utf8'))
  const golden = path.join(FOLDER, file.replace('.txt', '.out.txt'))
  if (process.env.UPDATE_GOLDEN === '1') writeFileSync(golden, trace)
  expect(trace).toBe(readFileSync(golden, 'utf8'))
})

test('every golden trace has its script', () => {
  const golden = readdirSync(FOLDER).filter((file) => /^raft-.*\.out\.txt$/.test(file))
  expect(golden.sort()).toEqual(scripts.map((file) => file.replace('.txt', '.out.txt')).sort())
})
