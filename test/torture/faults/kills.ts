import { setTimeout as wait } from 'node:timers/promises'
import {
  busiest,
  duration,
  type Fault,
  majority,
  NO_OBSTACLE,
  one,
  type Scene,
  shuffled
} from './fault.ts'

/** SIGKILL, as the OOM killer or a power cut of one machine would. */
export const killOne: Fault = {
  name: 'kill-one',
  obstacle: NO_OBSTACLE,
  strike: async (scene) => {
    const { arena, random } = scene
    const victim = random.below(2) === 0 ? await busiest(arena) : one(random, arena.all)
    await killFor(scene, [victim], duration(scene, 20, 8_000))
    return []
  }
}

export const killMajority: Fault = {
  name: 'kill-majority',
  obstacle: NO_OBSTACLE,
  strike: async (scene) => {
    const { arena, random } = scene
    await killFor(scene, majority(random, arena.all), duration(scene, 100, 8_000))
    return []
  }
}

export const killAll: Fault = {
  name: 'kill-all',
  obstacle: NO_OBSTACLE,
  strike: async (scene) => {
    const { arena } = scene
    await killFor(scene, arena.all, duration(scene, 20, 3_000))
    return []
  }
}

/** One node is killed again and again, also while it starts. */
export const crashLoop: Fault = {
  name: 'crash-loop',
  obstacle: NO_OBSTACLE,
  strike: async (scene) => {
    const { arena, random } = scene
    const victim = one(random, arena.all)
    for (let left = 3 + random.below(5); left > 0; left--) {
      await killFor(scene, [victim], 1)
      arena.start(victim)
      await wait(duration(scene, 50, 4_000))
    }
    return []
  }
}

/** One after the other, each as soon as the one before was started anew. */
export const killRound: Fault = {
  name: 'kill-round',
  obstacle: NO_OBSTACLE,
  strike: async (scene) => {
    const { arena, random } = scene
    for (const victim of shuffled(random, arena.all)) {
      await killFor(scene, [victim], duration(scene, 20, 1_000))
      arena.start(victim)
      await wait(duration(scene, 50, 3_000))
    }
    return []
  }
}

/** Nodes told to stop, as for an update: each must end in order, and in time. */
export const stop: Fault = {
  name: 'stop',
  obstacle: NO_OBSTACLE,
  strike: async (scene) => {
    const { arena, random, note } = scene
    const victims = random.below(3) === 0 ? arena.all : [await busiest(arena)]
    note(`SIGTERM to ${victims.join(', ')}`)
    const processes = victims.map((victim) => arena.at(victim))
    const began = performance.now()
    for (const process of processes) {
      arena.expectEnd(process, 0)
      process.kill('SIGTERM')
    }
    const endings = await Promise.all(processes.map((process) => process.ended()))
    const tookMs = Math.round(performance.now() - began)
    await wait(duration(scene, 20, 3_000))
    return endings.flatMap((ending, i) =>
      ending === 0 ? [] : [`node ${victims[i]} ended with ${ending} after ${tookMs} ms of SIGTERM`]
    )
  }
}

async function killFor(
  { arena, note }: Scene,
  nodes: readonly number[],
  ms: number
): Promise<void> {
  note(`kill -9 ${nodes.join(', ')} for ${ms} ms`)
  await arena.kill(...nodes)
  await wait(ms)
}
