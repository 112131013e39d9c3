import type { Entry, SnapshotMark } from '../../../src/raft/types.ts'
import { SimulatedDisk } from '../../../src/simulation/disk.ts'
import { type Life, World } from '../../../src/simulation/world.ts'
import type { NodeLog } from '../../../src/storage/log-types.ts'
import { openLog } from '../../../src/storage/segmented-log.ts'
import { utf8, utf8Text } from '../../../src/wire/bytes.ts'
import type { DiskFault } from '../../../src/world/disk.ts'

/** A log on a simulated disk that can lose its power. */
export class LogHarness {
  readonly world: World
  readonly disk: SimulatedDisk
  readonly #segmentBytes: number
  #life: Life
  #lives = 0
  log: NodeLog

  constructor(seed: string, segmentBytes = 4096) {
    this.world = new World(seed)
    this.disk = new SimulatedDisk(this.world, 'disk')
    this.#segmentBytes = segmentBytes
    this.#life = this.world.life('life 0')
    this.disk.attach(this.#life)
    this.log = openLog(this.disk, { segmentBytes })
  }

  /** Ends the process, loses what the disk may lose, and opens the log again. */
  crash(): void {
    this.#life.end()
    this.disk.crash(this.world.random.fork(`crash ${this.#lives}`))
    this.reopen()
  }

  /** Kills the process only: what it wrote is in the cache, synced or not. */
  kill(): void {
    this.disk.kill()
    this.reopen()
  }

  /** A new process on what the disk shows now. */
  reopen(): void {
    this.#life.end()
    this.#life = this.world.life(`life ${++this.#lives}`)
    this.disk.attach(this.#life)
    this.log = openLog(this.disk, { segmentBytes: this.#segmentBytes })
  }

  run(ms: number): void {
    this.world.runUntil(this.world.now + ms)
  }

  /** Commits and waits; returns the fault, if any. */
  commit(): DiskFault | undefined {
    let result: DiskFault | undefined | 'waiting' = 'waiting'
    this.log.commit((fault) => {
      result = fault
    })
    this.run(1000)
    if (result === 'waiting') throw new Error('the commit did not end')
    return result
  }
}

export function markAt(index: number, term: number): SnapshotMark {
  const members = [{ replica: 1, node: 'n1', voter: true }]
  return { index, term, configuration: { members } }
}

export function entry(index: number, term: number, text = `entry ${index} of ${term}`): Entry {
  return { index, term, kind: 'command', data: utf8(text) }
}

export function entries(from: number, count: number, term: number): Entry[] {
  return Array.from({ length: count }, (_, i) => entry(from + i, term))
}

/** The texts of the entries [from, to) of `group`. */
export function texts(log: NodeLog, group: number, from: number, to: number): unknown[] {
  return log.entries(group, from, to, Number.POSITIVE_INFINITY).map(({ data }) => utf8Text(data))
}
