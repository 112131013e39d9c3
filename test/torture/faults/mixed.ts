import { cut, flap, oneWay, ring } from './cuts.ts'
import { type Fault, NO_OBSTACLE, one } from './fault.ts'
import { crashLoop, killAll, killMajority, killOne, killRound, stop } from './kills.ts'
import { pause, stutter } from './pauses.ts'

const CUTS = [cut, oneWay, ring, flap]
const KILLS = [killOne, killMajority, killAll, killRound, crashLoop]

/** Two at once: nodes that end while others stand still or are cut off. */
export const mixed: Fault = {
  name: 'mixed',
  obstacle: NO_OBSTACLE,
  strike: async (scene) => {
    const { random } = scene
    const first = one(random, [...KILLS, stop])
    // One that stands still cannot stop in time.
    const second = one(random, first === stop ? CUTS : [...CUTS, pause, stutter])
    const ills = await Promise.all([first.strike(scene), second.strike(scene)])
    return ills.flat()
  }
}
