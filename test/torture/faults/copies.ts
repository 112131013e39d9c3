import { cpSync, renameSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { NodeProcess } from '../../../cluster/nodes.ts'
import type { Arena } from '../arena.ts'
import { type Fault, NO_OBSTACLE, one, type Scene, shuffled } from './fault.ts'

const CALLS = 100
const CALLS_MS_MAX = 60_000
/** By then a node is let in, or knows why it is not. */
const TRIED_MS_MAX = 60_000
const POLL_MS = 100

/** Two nodes on two copies of one directory: the second one gets in nowhere. */
export const twin: Fault = {
  name: 'twin',
  obstacle: NO_OBSTACLE,
  strike: async (scene) => {
    const { arena, random, note } = scene
    const victim = one(random, arena.all)
    const copy = join(arena.options.directory, 'twin')
    await takeCopy(scene, victim, copy)
    arena.start(victim)
    const ill = await arena.healthy()
    if (ill !== undefined) return [`with a copy of a directory aside: ${ill}`]
    note(`node ${victim} once more, on a copy of its data`)
    const place = arena.options.nodes
    const process = arena.startAs({ place, data: copy, name: 'twin', node: -1 })
    return await mustStayOut(arena, { process, copy })
  }
}

/** An old copy put back, while the others have seen newer: they refuse it. */
export const stale: Fault = {
  name: 'stale',
  obstacle: NO_OBSTACLE,
  strike: async (scene) => {
    const { arena, random, note, workload } = scene
    const victim = one(random, arena.all)
    const [copy, newest] = ['old', 'newest'].map((name) => join(arena.options.directory, name))
    await takeCopy(scene, victim, copy as string)
    arena.start(victim)
    const ill = await arena.healthy()
    if (ill !== undefined) return [`with a copy of a directory aside: ${ill}`]
    await workload.more(CALLS, CALLS_MS_MAX)
    await arena.kill(victim)
    renameSync(arena.data(victim), newest as string)
    renameSync(copy as string, arena.data(victim))
    if (random.below(2) === 0) await restartOthers(scene, victim)
    note(`an old copy of the data of node ${victim} put back`)
    const process = arena.start(victim)
    const ills = await mustStayOut(arena, { process, copy: arena.data(victim) })
    renameSync(newest as string, arena.data(victim))
    return ills
  }
}

/** Two nodes that got the directory of each other: each is the other then. */
export const swap: Fault = {
  name: 'swap',
  obstacle: NO_OBSTACLE,
  strike: async ({ arena, random, note }) => {
    const [a = 0, b = 1] = shuffled(random, arena.all)
    note(`nodes ${a} and ${b} swap their data`)
    await arena.kill(a, b)
    const aside = join(arena.options.directory, 'aside')
    renameSync(arena.data(a), aside)
    renameSync(arena.data(b), arena.data(a))
    renameSync(aside, arena.data(b))
    return []
  }
}

/** The data of another cluster: the node must end and say so. */
export const foreign: Fault = {
  name: 'foreign',
  obstacle: NO_OBSTACLE,
  strike: async ({ arena, random, note }) => {
    const victim = one(random, arena.all)
    const place = arena.options.nodes
    const [data = '', own = ''] = ['foreign', 'own'].map((it) => join(arena.options.directory, it))
    const alone = arena.startAs({ place, data, name: 'foreign', node: -1, isAlone: true })
    arena.expectEnd(alone, 'SIGKILL')
    await alone.ready(TRIED_MS_MAX)
    alone.kill('SIGKILL')
    await Promise.all([alone.ended(), arena.kill(victim)])
    note(`node ${victim} on the data of another cluster`)
    renameSync(arena.data(victim), own)
    renameSync(data, arena.data(victim))
    const process = arena.start(victim)
    arena.expectEnd(process, 2, 'SIGKILL')
    const ending = await Promise.race([process.ended(), wait(TRIED_MS_MAX, 'no end')])
    process.kill('SIGKILL')
    await process.ended()
    rmSync(arena.data(victim), { recursive: true })
    renameSync(own, arena.data(victim))
    if (ending === 2 && /^keymesh: .*belongs to cluster/m.test(process.log)) return []
    return [`a node on the data of another cluster: ${ending}\n${process.log.slice(-1_500)}`]
  }
}

/** All data of one node lost: it comes back as another node, and serves as a gateway. */
export const wipe: Fault = {
  name: 'wipe',
  obstacle: NO_OBSTACLE,
  strike: async ({ arena, random, note, workload }) => {
    const victim = one(random, arena.all)
    const aside = join(arena.options.directory, 'aside')
    const [before] = (await arena.ids()).slice(victim)
    await arena.kill(victim)
    note(`the data of node ${victim} lost`)
    renameSync(arena.data(victim), aside)
    const process = arena.start(victim)
    const isReady = await becomesReady(process)
    const [after] = (await arena.ids()).slice(victim)
    const serves = await workload.more(CALLS, CALLS_MS_MAX)
    await arena.kill(victim)
    rmSync(arena.data(victim), { recursive: true })
    renameSync(aside, arena.data(victim))
    if (!isReady) return [`a node without its data is not ready:\n${process.log.slice(-1_500)}`]
    if (after === before) return [`a node without its data is ${before} again`]
    return serves ? [] : ['with a node that lost its data nobody is served']
  }
}

/** Of a node that was stopped, or as it stands while it runs. */
async function takeCopy({ arena, random }: Scene, node: number, copy: string): Promise<void> {
  if (random.below(2) === 0) {
    cpSync(arena.data(node), copy, { recursive: true })
    await arena.kill(node)
    return
  }
  await arena.kill(node)
  cpSync(arena.data(node), copy, { recursive: true })
}

async function restartOthers({ arena, note }: Scene, victim: number): Promise<void> {
  const others = arena.all.filter((node) => node !== victim)
  note(`kill -9 ${others.join(', ')}`)
  await arena.kill(...others)
  for (const node of others) arena.start(node)
}

/** `process` must neither be ready nor end as if all were well. Its data are gone afterwards. */
async function mustStayOut(
  arena: Arena,
  { process, copy }: { process: NodeProcess; copy: string }
): Promise<string[]> {
  arena.expectEnd(process, 'SIGKILL', 2)
  const isIn = await becomesReady(process)
  const { log } = process
  process.kill('SIGKILL')
  await process.ended()
  rmSync(copy, { recursive: true })
  if (isIn) return [`a node on a copy of its data became ready:\n${log.slice(-1_500)}`]
  if (isTold(log)) return []
  return [`a node on a copy of its data does not say why it is kept out:\n${log.slice(-1_500)}`]
}

/** Waits until it is ready, or says why it is not. */
async function becomesReady(process: NodeProcess): Promise<boolean> {
  let isReady = false
  const ready = process.ready(TRIED_MS_MAX).then(
    () => {
      isReady = true
    },
    () => undefined
  )
  const end = performance.now() + TRIED_MS_MAX
  while (!isReady && !isTold(process.log) && performance.now() < end) {
    await Promise.race([ready, wait(POLL_MS)])
  }
  return isReady
}

const isTold = (log: string): boolean => /"msg":"refused"|^keymesh: /m.test(log)
