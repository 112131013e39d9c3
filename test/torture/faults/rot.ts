import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import type { NodeProcess } from '../../../cluster/nodes.ts'
import type { Random } from '../../../src/world/random.ts'
import { type Fault, NO_OBSTACLE, one } from './fault.ts'

const DECIDED_MS_MAX = 120_000
const CALLS = 50
const CALLS_MS_MAX = 60_000
/** A batch at the end of the newest segment may be torn, and is cut: that is no damage to find. */
const NEWEST_SHARE = 0.7
const NEWEST_BYTES_MIN = 64 * 1024

/**
 * A file of one node changed while it was down. It must refuse to start, and say which directory
 * and why, or know better; the others serve on. With the file as it was, it must come back.
 */
export const rot: Fault = {
  name: 'rot',
  obstacle: NO_OBSTACLE,
  strike: async (scene) => {
    const { arena, random, workload, note } = scene
    const victim = one(random, arena.all)
    await arena.kill(victim)
    const damage = drawDamage(random, arena.data(victim))
    note(`node ${victim}: ${damage.what}`)
    damage.make()
    const process = arena.start(victim)
    const ills = await judge(process, damage)
    if (process.ending === undefined) {
      // It knew better: then it has to serve, too, and that is checked as ever.
      await arena.kill(victim)
    } else arena.expectEnd(process, process.ending)
    if (!(await workload.more(CALLS, CALLS_MS_MAX))) ills.push('the others do not serve on')
    damage.undo()
    return ills
  }
}

interface Damage {
  readonly what: string
  /** Nothing that this node holds can be right without it. */
  readonly isFatal: boolean
  readonly make: () => void
  readonly undo: () => void
}

/** Within its time it is ready, or has ended with 2 and one line for people. */
async function judge(process: NodeProcess, { what, isFatal }: Damage): Promise<string[]> {
  const ready = await process.ready(DECIDED_MS_MAX).then(
    () => true,
    () => false
  )
  if (ready) return isFatal ? [`it serves in spite of it: ${what}`] : []
  const { ending } = process
  if (ending === undefined) return [`neither ready nor ended after ${DECIDED_MS_MAX} ms: ${what}`]
  const said = process.log.split('\n').filter((line) => line !== '' && !line.startsWith('{'))
  if (ending === 2 && said.length === 1) return []
  return [`ended with ${ending} and ${said.length} lines: ${what}\n${process.log.slice(-1_500)}`]
}

function drawDamage(random: Random, data: string): Damage {
  const files = readdirSync(data, { recursive: true, encoding: 'utf8' })
    .filter((name) => isOfInterest(name))
    .map((name) => join(data, name))
    .filter((file) => readFileSync(file).length > 0)
  const segments = files.filter((file) => file.endsWith('.segment')).sort()
  const newest = segments.at(-1)
  const fit = files.filter((file) => file !== newest || sizeOf(file) >= NEWEST_BYTES_MIN)
  const file = one(random, fit)
  const name = relative(data, file)
  const bytes = readFileSync(file)
  const length = file === newest ? Math.floor(bytes.length * NEWEST_SHARE) : bytes.length
  const undo = (): void => writeFileSync(file, bytes)
  const isFatal = name.endsWith('.segment')
  const at = random.below(length)
  const drawn = random.below(6)
  if (drawn === 0) {
    const make = (): void => rmSync(file)
    return { what: `${name} is gone`, isFatal, make, undo }
  }
  if (drawn === 1 && file !== newest) {
    const make = (): void => writeFileSync(file, bytes.subarray(0, at))
    return { what: `${name} is cut to ${at} of ${length} bytes`, isFatal, make, undo }
  }
  const bit = random.below(8)
  const make = (): void => {
    const flipped = Buffer.from(bytes)
    flipped[at] = (flipped[at] ?? 0) ^ (1 << bit)
    writeFileSync(file, flipped)
  }
  return { what: `bit ${bit} of byte ${at} of ${length} of ${name} flipped`, isFatal, make, undo }
}

const sizeOf = (file: string): number => readFileSync(file).length

/** LevelDB's diary, its lock and directories are nothing to damage. */
function isOfInterest(name: string): boolean {
  if (/^(node\.key|format)$/.test(name)) return true
  return /^log\/.|^state\/(.*\.(ldb|log)|CURRENT|MANIFEST-.*)$/.test(name)
}
