import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import {
  choice,
  count,
  duration,
  flag,
  gather,
  list,
  setting,
  variableOf
} from '../../../src/cli/settings.ts'

// Goal: what one command is told reaches it in the form of its kind, from the strongest source
// that says it, and nothing else does.

const directory = mkdtempSync(join(tmpdir(), 'keymesh-gather-'))
afterAll(() => rmSync(directory, { recursive: true }))

const settings = [
  setting('zone', 'NAME', ''),
  list('seed', 'MULTIADDR', ''),
  duration('timeout', ''),
  choice('mood', ['good', 'bad'], ''),
  flag('json', '')
]
const flags = [duration('ttl', ''), count('ifRevision', 'R', '')]
const known = [...settings, setting('data', 'DIR', '')]

function from(
  given: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string>> = {}
): Record<string, unknown> {
  const vocabulary = { settings, flags, known }
  return Object.fromEntries(gather({ flags: given, environment }, vocabulary))
}

let files = 0
function config(fields: unknown): string {
  const path = join(directory, `${++files}.json`)
  writeFileSync(path, JSON.stringify(fields))
  return path
}

test('each kind takes its form from text and from JSON', () => {
  const told = { zone: 'a', seed: ['x,y', 'z'], timeout: '2s', mood: 'bad', json: true }
  const expected = { ...told, seed: ['x', 'y', 'z'], timeout: 2_000 }
  expect(from({ ...told, ttl: '1m', ifRevision: '0' })).toEqual({
    ...expected,
    ttl: 60_000,
    ifRevision: 0
  })
  const fields = { ...told, timeout: 2_000 }
  expect(from({ config: config(fields) })).toEqual(expected)
  const texts = { zone: 'a', seed: 'x, y,z', timeout: '2s', mood: 'bad', json: 'true' }
  const variables = Object.entries(texts).map(([name, value]) => [variableOf(name), value])
  expect(from({}, Object.fromEntries(variables))).toEqual(expected)
})

test('what is meant for one call comes from no variable and no file', () => {
  expect(from({}, { KEYMESH_TTL: '1s', KEYMESH_IF_REVISION: '1' })).toEqual({})
  expect(() => from({ config: config({ ttl: '1s' }) })).toThrow(/unknown setting ttl/)
})

test('a file may say what is for other commands, if it is of the right type', () => {
  expect(from({ config: config({ data: 'd', zone: 'a' }) })).toEqual({ zone: 'a' })
  expect(() => from({ config: config({ data: 1 }) })).toThrow(/^data in .*: must be text$/)
})

test.each([
  [{ nonsense: 'x' }, /^--nonsense: this command has no such option$/],
  [{ timeout: '10' }, /^--timeout: not a time as in 500ms, .*: 10$/],
  [{ mood: 'so so' }, /^--mood: must be one of good, bad$/],
  [{ ifRevision: '-1' }, /^--if-revision: not a whole number: -1$/],
  [{ ifRevision: '9007199254740993' }, /^--if-revision: not a whole number: 9007199254740993$/],
  [{ config: config({ timeout: true }) }, /^timeout in .*: must be a time$/],
  [{ config: config({ json: 'true' }) }, /^json in .*: must be true or false, without quotes$/]
])('%o is refused', (given, line) => {
  expect(() => from(given)).toThrow(line)
})

test('revisions may be as large as they come', () => {
  expect(from({ ifRevision: '9007199254740991' })).toEqual({ ifRevision: Number.MAX_SAFE_INTEGER })
})
