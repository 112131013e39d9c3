import { spawn } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openFiles } from '../../src/storage/files.ts'
import { openLog } from '../../src/storage/segmented-log.ts'

const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'keymesh-log-kill-'))
afterAll(() => fs.rmSync(directory, { recursive: true }))

/**
 * Runs the writer until it has told of `lines` commits, then kills it; returns the last one told.
 */
function writeUntilKilled(lines: number): Promise<number> {
  return new Promise((resolve, reject) => {
    const script = path.join(import.meta.dirname, 'log-writer.ts')
    const child = spawn(process.execPath, [script, directory], {
      stdio: ['ignore', 'pipe', 'pipe']
    })
    let out = ''
    let errors = ''
    child.stderr.on('data', (chunk) => {
      errors += chunk
    })
    child.stdout.on('data', (chunk) => {
      out += chunk
      if (out.split('\n').length > lines) child.kill('SIGKILL')
    })
    child.on('close', (_, signal) => {
      if (signal === 'SIGKILL') resolve(Number(out.split('\n').at(-2)))
      else reject(new Error(`the writer ended by itself: ${errors}`))
    })
  })
}

/**
 * Goal: kill -9 at any moment loses nothing that was told durable; the next life goes on behind it.
 */
test('a killed writer has kept all that it said', async () => {
  let before = 0
  for (const lines of [3, 50, 120]) {
    const told = await writeUntilKilled(lines)
    expect(told).toBeGreaterThan(before)
    const log = openLog(openFiles(directory), { segmentBytes: 64 * 1024 })
    const start = log.groups()[0]?.start
    const last = start?.lastIndex ?? 0
    expect(last).toBeGreaterThanOrEqual(told)
    const entries = log.entries(1, 2, last + 1, Number.POSITIVE_INFINITY)
    expect(entries.every(({ index, data }) => data.every((byte) => byte === index % 256))).toBe(
      true
    )
    expect(entries).toHaveLength(last - 1)
    before = last
  }
  expect(fs.readdirSync(directory).length).toBeGreaterThan(1)
})
