import { setTimeout as wait } from 'node:timers/promises'
import { parseArgs } from 'node:util'
import type { KeyMesh } from 'keymesh'
import { perform, type Stage } from '../../cluster/stage.ts'
import { openClient } from '../rig/keymesh.ts'
import { Trio } from './trio.ts'

// `npx node bench/faults/watch.ts --changes 1000000`, after `npm run build`: counters are
// incremented while a node that leads is killed every five seconds and comes back. A watch must be
// shown each value of each counter once and in order; what it was not is counted.

const KEYS = 64
const KILL_EVERY_MS = 5_000
const IN_FLIGHT = 128

const { values } = parseArgs({ options: { changes: { type: 'string', default: '1000000' } } })
const wanted = Number(values.changes)

async function run(stage: Stage): Promise<number> {
  const trio = await Trio.form(stage, 'watch', { nodes: 3, partitions: 8 })
  const kv = await openClient(trio.seeds)
  const seen = { changes: 0, wrong: 0 }
  const began = performance.now()
  let isOver = false
  const begun = Promise.withResolvers<void>()
  const watching = watch(kv, seen, begun.resolve)
  await begun.promise
  const loops = Array.from({ length: IN_FLIGHT }, (_, i) => count(kv, i, () => isOver))
  let kills = 0
  while (seen.changes < wanted) {
    await wait(KILL_EVERY_MS)
    const node = kills++ % 3
    trio.nodes[node]?.kill('SIGKILL')
    await trio.nodes[node]?.ended()
    await trio.restart(node)
  }
  isOver = true
  await Promise.all(loops)
  const seconds = (performance.now() - began) / 1_000
  console.log(JSON.stringify({ ...seen, kills, seconds: Math.round(seconds) }))
  await kv.close()
  await watching
  await trio.stop()
  return seen.wrong === 0 ? 0 : 1
}

async function count(kv: KeyMesh<Uint8Array>, i: number, isOver: () => boolean): Promise<void> {
  while (!isOver()) {
    // Whatever became of it, a value that comes is the next one.
    await kv.increment(`watched:${i % KEYS}`).catch(() => wait(50))
  }
}

async function watch(
  kv: KeyMesh<Uint8Array>,
  seen: { changes: number; wrong: number },
  begun: () => void
): Promise<void> {
  const last = new Map<string, number>()
  try {
    for await (const change of kv.watch({ prefix: 'watched:' })) {
      begun()
      if (change.type !== 'put') continue
      const value = Number(new TextDecoder().decode(change.value))
      seen.changes++
      if (value !== (last.get(change.key) ?? 0) + 1) seen.wrong++
      last.set(change.key, value)
    }
  } catch (error) {
    if ((error as { code?: string }).code !== 'closed') throw error
  }
}

await perform(run)
