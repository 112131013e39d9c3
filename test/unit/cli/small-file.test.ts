import { execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import process from 'node:process'
import { afterAll, expect, test } from 'vitest'
import { readSmallFile } from '../../../src/cli/small-file.ts'

// Goal: what a flag names is read whole, or refused: nothing that it may name keeps a start for
// ever, or fills the memory.

const directory = mkdtempSync(join(tmpdir(), 'keymesh-small-file-'))
afterAll(() => rmSync(directory, { recursive: true }))

const BYTES_MAX = 100
const MODULE = new URL('../../../src/cli/small-file.ts', import.meta.url).href
const isUnix = process.platform !== 'win32'

test('a file up to the bound is read whole, a longer one is refused', () => {
  const file = join(directory, 'file')
  for (const text of ['', 'token\n', 'é'.repeat(BYTES_MAX / 2)]) {
    writeFileSync(file, text)
    expect(readSmallFile(file, BYTES_MAX)).toBe(text)
  }
  writeFileSync(file, 'x'.repeat(BYTES_MAX + 1))
  expect(() => readSmallFile(file, BYTES_MAX)).toThrow('it is over 100 bytes')
})

test('what is no file is refused', () => {
  mkdirSync(join(directory, 'folder'))
  expect(() => readSmallFile(join(directory, 'folder'), BYTES_MAX)).toThrow(/EISDIR|EACCES/)
  expect(() => readSmallFile(join(directory, 'missing'), BYTES_MAX)).toThrow('ENOENT')
})

test.runIf(isUnix)('a file without an end is refused', () => {
  expect(() => readSmallFile('/dev/zero', BYTES_MAX)).toThrow('it is over 100 bytes')
})

test.runIf(isUnix)('a pipe is waited for, as long as it may take', async () => {
  const pipe = join(directory, 'pipe')
  execFileSync('mkfifo', [pipe])
  expect(readSmallFile(pipe, BYTES_MAX)).toBe('')
  // It holds the pipe open both ways, and says nothing.
  const mute = spawn('sh', ['-c', `exec 3<>${pipe}; echo open; cat`])
  await new Promise((resolve) => mute.stdout.once('data', resolve))
  expect(() => readSmallFile(pipe, BYTES_MAX, 50)).toThrow('it has no end after 50 ms')
  const ended = new Promise((resolve) => mute.once('exit', resolve))
  mute.kill()
  await ended
})

test.runIf(isUnix)('a command may say it late, as in --http-token-file <(command)', () => {
  const reading = `import(${JSON.stringify(MODULE)})
    .then(({ readSmallFile }) => process.stdout.write(readSmallFile('/dev/stdin', 100)))`
  const line = '(sleep 0.2; echo token) | "$0" --no-warnings -e "$1"'
  const told = execFileSync('sh', ['-c', line, process.execPath, reading])
  expect(told.toString()).toBe('token\n')
})
