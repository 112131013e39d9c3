import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { gather } from '../../../src/cli/settings.ts'
import { START_SETTINGS, startSettings } from '../../../src/cli/start-settings.ts'

const directory = mkdtempSync(join(tmpdir(), 'keymesh-settings-'))
afterAll(() => rmSync(directory, { recursive: true }))

const KEY = '0123456789abcdef'.repeat(4)

function file(name: string, text: string): string {
  const path = join(directory, name)
  writeFileSync(path, text)
  return path
}

const config = (fields: unknown): string => file('config.json', JSON.stringify(fields))
const from = (
  flags: Readonly<Record<string, unknown>>,
  environment: Readonly<Record<string, string>> = {}
) => {
  const sources = { flags, environment }
  const vocabulary = { settings: START_SETTINGS, flags: [], known: START_SETTINGS }
  return startSettings(gather(sources, vocabulary), sources)
}

test('nothing given is a node in ./keymesh-data that logs at info', () => {
  expect(from({})).toEqual({ node: { data: './keymesh-data' }, logLevel: 'info' })
})

test('flags beat the environment, which beats the file', () => {
  const everywhere = config({ data: 'file', zone: 'file', replicas: 1, expect: 2, bootstrap: true })
  const environment = { KEYMESH_DATA: 'env', KEYMESH_ZONE: 'env', KEYMESH_REPLICAS: '2' }
  const { node } = from({ data: 'flag', config: everywhere }, environment)
  expect(node).toEqual({ data: 'flag', zone: 'env', replicas: 2, expect: 2, bootstrap: true })
  expect(from({}, { KEYMESH_CONFIG: everywhere }).node).toMatchObject({ data: 'file' })
})

test('repeatable settings are flags given often, commas, or a list', () => {
  const seeds = ['/ip4/127.0.0.1/tcp/1', '/ip4/127.0.0.1/tcp/2']
  expect(from({ seed: seeds }).node.seeds).toEqual(seeds)
  expect(from({}, { KEYMESH_SEED: seeds.join(', ') }).node.seeds).toEqual(seeds)
  expect(from({ config: config({ seed: seeds }) }).node.seeds).toEqual(seeds)
})

test('a switch of the environment says true or false', () => {
  expect(from({}, { KEYMESH_BOOTSTRAP: '1', KEYMESH_INSECURE: 'false' }).node).toMatchObject({
    bootstrap: true,
    insecure: false
  })
  expect(() => from({}, { KEYMESH_BOOTSTRAP: 'yes' })).toThrow(/KEYMESH_BOOTSTRAP: must be true/)
})

test('keys and tokens are read from their files, without the end of the line', () => {
  const { node } = from({
    clusterKeyFile: file('key', `${KEY}\n`),
    httpTokenFile: file('token', 'a-token\n')
  })
  expect(node).toMatchObject({ clusterKey: KEY, httpToken: 'a-token' })
})

test('the environment may hold the cluster key itself; a flag is stronger', () => {
  expect(from({}, { KEYMESH_CLUSTER_KEY: KEY }).node.clusterKey).toBe(KEY)
  const path = file('key', 'of the file')
  expect(from({ clusterKeyFile: path }, { KEYMESH_CLUSTER_KEY: KEY }).node.clusterKey).toBe(
    'of the file'
  )
  const both = { KEYMESH_CLUSTER_KEY: KEY, KEYMESH_CLUSTER_KEY_FILE: path }
  expect(() => from({}, both)).toThrow(/either/)
})

test.each([
  [{ logLevel: 'loud' }, /log-level: must be one of/],
  [{ replicas: 'three' }, /replicas: not a whole number/],
  [{ replicas: '-1' }, /replicas: not a whole number/],
  [{ httpTokenFile: join(directory, 'missing') }, /http-token-file: cannot read/],
  [{ httpTokenFile: file('empty', '\n') }, /http-token-file: .* is empty/],
  [{ clusterKeyFile: directory }, /cluster-key-file: cannot read/],
  [{ config: file('text', 'not json') }, /is not JSON/],
  [{ config: file('list.json', '[]') }, /JSON object/],
  [{ config: file('strange.json', '{"datta":"x"}') }, /unknown setting datta/],
  [{ config: file('kind.json', '{"data":5}') }, /data in .*: must be text/],
  [{ config: file('count.json', '{"partitions":"16"}') }, /^partitions in .*: must be a number$/],
  [{ config: file('items.json', '{"seed":[5]}') }, /seed in .*: must be text or a list/]
])('%o is refused', (flags, line) => {
  expect(() => from(flags)).toThrow(line)
})

test('a text that is empty is refused; a variable that is empty is not there', () => {
  expect(() => from({ zone: '' })).toThrow(/--zone: is empty/)
  expect(() => from({ config: config({ zone: ' ' }) })).toThrow(/zone in .*: is empty/)
  expect(from({}, { KEYMESH_ZONE: '' }).node).not.toHaveProperty('zone')
})
