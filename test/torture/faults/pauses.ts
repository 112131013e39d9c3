import { setTimeout as wait } from 'node:timers/promises'
import type { Random } from '../../../src/world/random.ts'
import type { Arena } from '../arena.ts'
import { busiest, duration, type Fault, majority, NO_OBSTACLE, one } from './fault.ts'

/** SIGSTOP: a process that stands still, and goes on as if nothing had happened. */
export const pause: Fault = {
  name: 'pause',
  obstacle: NO_OBSTACLE,
  strike: async (scene) => {
    const { arena, random, note } = scene
    const nodes = await victims(arena, random)
    const ms = duration(scene, 100, 15_000)
    note(`stop ${nodes.join(', ')} for ${ms} ms`)
    arena.pause(...nodes)
    await wait(ms)
    arena.resume()
    return []
  }
}

/** Stops and goes, longer and shorter than leaders are waited for. */
export const stutter: Fault = {
  name: 'stutter',
  obstacle: NO_OBSTACLE,
  strike: async (scene) => {
    const { arena, random, note } = scene
    const nodes = await victims(arena, random)
    const times = 3 + random.below(8)
    note(`stop and go ${nodes.join(', ')}, ${times} times`)
    for (let left = times; left > 0; left--) {
      arena.pause(...nodes)
      await wait(duration(scene, 50, 2_500))
      arena.resume()
      await wait(duration(scene, 5, 1_000))
    }
    return []
  }
}

async function victims(arena: Arena, random: Random): Promise<readonly number[]> {
  switch (random.below(5)) {
    case 0:
      return arena.all
    case 1:
      return majority(random, arena.all)
    case 2:
      return [one(random, arena.all)]
    default:
      return [await busiest(arena)]
  }
}
