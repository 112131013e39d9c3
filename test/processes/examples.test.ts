import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, expect, test } from 'vitest'
import type * as NodeModule from '../../src/node/index.ts'
import { Consumer } from './consumer.ts'
import { Stage } from './harness.ts'

// Goal: what the pages show compiles against the published types and runs. Method: the examples of
// a page in one program, each in a block of its own, against a node of this process.

const consumer = new Consumer()
beforeAll(async () => {
  await consumer.install()
})
afterAll(() => consumer[Symbol.dispose]())

const { createNode } = (await import(
  new URL('../../dist/node/index.js', import.meta.url).href
)) as typeof NodeModule

const PRELUDE = `import {
  bytes, ConflictError, connect, json, KeyMeshError, lockAll, msgpack, text, UndecodableError,
  UnknownOutcomeError
} from 'keymesh'
import type { Codec, KeyMesh } from 'keymesh'
interface User { name: string }
const SEED = process.argv[2] ?? ''
await using kv = await connect({ seeds: SEED, timeout: 20_000 })
`

function examples(page: string): string[] {
  const text = readFileSync(new URL(`../../${page}`, import.meta.url), 'utf8')
  return [...text.matchAll(/^```ts\n(.*?)^```$/gms)].map(([, code = '']) => code)
}

function programOf(page: string): string {
  const blocks = examples(page).map((code, i) => {
    const body = code.replace(/^import .*$/gm, '').replaceAll("'/ip4/127.0.0.1/tcp/7101'", 'SEED')
    return `{\n${body}\nconsole.log('example ${i + 1} done')\n}\n`
  })
  return PRELUDE + blocks.join('')
}

test.each(['docs/client.md', 'docs/locks.md', 'README.md'])(
  'the examples of %s run',
  async (page) => {
    await using stage = new Stage()
    const listen = ['/ip4/127.0.0.1/tcp/0']
    const node = await createNode({ data: stage.directory, listen, http: 'off', bootstrap: true })
    await node.ready
    try {
      await consumer.compile('page', programOf(page))
      const told = await consumer.start('page', [node.p2p])
      const count = examples(page).length
      expect(count).toBeGreaterThan(0)
      expect(told.match(/^example \d+ done$/gm)).toHaveLength(count)
      if (page === 'docs/client.md') expect(told).toContain('true false\n')
    } finally {
      await node.stop()
    }
  }
)
