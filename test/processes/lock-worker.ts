import process from 'node:process'
import type * as ClientModule from '../../src/client/index.ts'

// A process that counts under a lock, one line on standard output for each write: what became of
// it, and the count that it wrote. Whoever started it may stop it in the middle, for as long as it
// likes; a line on standard input ends it.

const dist = new URL('../../dist/client/index.js', import.meta.url).href
const { connect, KeyMeshError } = (await import(dist)) as typeof ClientModule

const [seeds = '', key = '', ttl = ''] = process.argv.slice(2)
const kv = await connect({ seeds: seeds.split(',') })
let isOver = false
process.stdin.once('data', () => {
  isOver = true
})
process.stdout.write('connected\n')
while (!isOver) process.stdout.write(`${await count()}\n`)
await kv.close()
process.stdin.destroy()

/** Read, add one, write under the fence. */
async function count(): Promise<string> {
  let next = 0
  let lock: ClientModule.Lock | undefined
  try {
    lock = await kv.lock('counter-lock', { ttl: Number(ttl), wait: 10_000 })
    next = ((await kv.get<number>(key)) ?? 0) + 1
    await kv.put(key, next, { fence: lock })
    return `ok ${next}`
  } catch (error) {
    if (!(error instanceof KeyMeshError)) throw error
    return `${error.outcome === 'unknown' ? 'unknown' : error.code} ${next}`
  } finally {
    await lock?.[Symbol.asyncDispose]()
  }
}
