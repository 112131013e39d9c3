import { setTimeout as wait } from 'node:timers/promises'
import type { Random } from '../../../src/world/random.ts'
import type { Arena } from '../arena.ts'
import { CALLERS } from '../network.ts'
import { busiest, duration, type Fault, NO_OBSTACLE, one, type Scene, shuffled } from './fault.ts'

/** Pairs of sender and receiver between whom nothing gets through. */
type Cuts = readonly (readonly [from: number, to: number])[]

const CUT_MS_MAX = 15_000

/** One node alone, or two halves. */
export const cut: Fault = {
  name: 'cut',
  obstacle: NO_OBSTACLE,
  strike: async (scene) => {
    const { arena, random } = scene
    const all = shuffled(random, arena.all)
    const alone = random.below(3) === 0 ? all.slice(0, all.length >> 1) : [await busiest(arena)]
    const others = all.filter((node) => !alone.includes(node))
    const callers = random.below(2) === 0 ? [] : [CALLERS]
    await hold(scene, `cut off ${alone}`, between(alone, [...others, ...callers]))
    return []
  }
}

/** What one node sends is lost, or what is sent to it. */
export const oneWay: Fault = {
  name: 'one-way',
  obstacle: NO_OBSTACLE,
  strike: async (scene) => {
    const { arena, random } = scene
    const victim = random.below(3) === 0 ? one(random, arena.all) : await busiest(arena)
    const others = arena.all.filter((node) => node !== victim)
    const some = random.below(3) === 0 ? [one(random, others)] : others
    const isDeaf = random.below(2) === 0
    const cuts = some.map(
      (other) => (isDeaf ? [other, victim] : [victim, other]) as [number, number]
    )
    await hold(scene, `node ${victim} is ${isDeaf ? 'deaf' : 'dumb'} to ${some}`, cuts)
    return []
  }
}

/** Everybody hears only the next, or just one pair does not hear each other. */
export const ring: Fault = {
  name: 'ring',
  obstacle: NO_OBSTACLE,
  strike: async (scene) => {
    const { arena, random } = scene
    const all = shuffled(random, arena.all)
    if (random.below(2) === 0) {
      const [a = 0, b = 1] = all
      await hold(scene, `cut between ${a} and ${b}`, between([a], [b]))
      return []
    }
    const next = (i: number): number => all[(i + 1) % all.length] as number
    const cuts = all.flatMap((from, i) =>
      all.filter((to) => to !== from && to !== next(i)).map((to) => [from, to] as const)
    )
    await hold(scene, `each of ${all} is heard by the next only`, cuts)
    return []
  }
}

/** Cuts that come and go faster than anybody can make up their mind. */
export const flap: Fault = {
  name: 'flap',
  obstacle: NO_OBSTACLE,
  strike: async (scene) => {
    const { arena, random, note } = scene
    const { network } = arena.options
    const times = 4 + random.below(8)
    note(`cuts that come and go, ${times} times`)
    for (let left = times; left > 0; left--) {
      for (const [from, to] of randomCuts(arena, random)) network.cut(from, to)
      await wait(duration(scene, 100, 3_000))
      network.mend()
      await wait(duration(scene, 20, 1_000))
    }
    return []
  }
}

/** Connections that break in the middle of a message. */
export const reset: Fault = {
  name: 'reset',
  obstacle: ({ options }) =>
    options.network.kind === 'proxies' ? undefined : 'only proxies break connections',
  strike: async (scene) => {
    const { arena, random, note } = scene
    const times = 3 + random.below(10)
    note(`all connections broken, ${times} times`)
    for (let left = times; left > 0; left--) {
      arena.options.network.reset()
      await wait(duration(scene, 20, 2_000))
    }
    return []
  }
}

function randomCuts(arena: Arena, random: Random): Cuts {
  const pairs = arena.all.flatMap((from) => arena.all.map((to) => [from, to] as const))
  const cuts = pairs.filter(([from, to]) => from !== to && random.below(2) === 0)
  return cuts.length > 0 ? cuts : between([0], [1])
}

function between(some: readonly number[], others: readonly number[]): Cuts {
  return some.flatMap((a) => others.flatMap((b) => [[a, b] as const, [b, a] as const]))
}

async function hold(scene: Scene, what: string, cuts: Cuts): Promise<void> {
  const { arena, note } = scene
  const ms = duration(scene, 200, CUT_MS_MAX)
  note(`${what} for ${ms} ms`)
  for (const [from, to] of cuts) arena.options.network.cut(from, to)
  await wait(ms)
  arena.options.network.mend()
}
