import { expect, test } from 'vitest'
import { LOOKOUT_MS, Lookout } from '../../../src/node/lookout.ts'
import { HeardLog } from './heard-log.ts'
import { WatchedCluster } from './watched-cluster.ts'

// Goal: what an operator must know is written down, once, by the node that sees it.

/** Looks at each node of a cluster once a second, into a log of its own. */
class Watchmen {
  readonly watched: WatchedCluster
  readonly logs: HeardLog[] = []
  readonly #lookouts: (() => void)[] = []

  constructor(seed: string) {
    this.watched = new WatchedCluster(seed, { slowMs: 0 })
    for (const { machine, life } of this.watched.cluster.nodes) {
      if (machine === undefined || life === undefined) throw new Error('a node is down')
      const log = new HeardLog()
      const lookout = new Lookout(machine, log, life.clock)
      this.logs.push(log)
      this.#lookouts.push(() => life.alive && lookout.tick())
    }
  }

  run(seconds: number): void {
    for (let second = 0; second < seconds; second++) {
      this.watched.cluster.run(LOOKOUT_MS)
      for (const look of this.#lookouts) look()
    }
  }

  log(i: number): HeardLog {
    return this.logs[i] as HeardLog
  }
}

const quiet = (log: HeardLog): string[] => log.events.filter((event) => !/^leads/.test(event))

test('a healthy node says what it leads and by which map, and then nothing', () => {
  const men = new Watchmen('healthy')
  men.run(20)
  const led = men.logs.flatMap((log) => log.of('leads'))
  expect(led.reduce((sum, { count }) => sum + Number(count), 0)).toBe(3)
  for (const log of men.logs) {
    expect(quiet(log)).toEqual(['cluster map'])
    expect(log.of('cluster map')).toEqual([{ epoch: 1, nodes: 3 }])
  }
})

test('leadership that moves is told by both sides', () => {
  const men = new Watchmen('moves')
  men.run(2)
  const [first] = men.watched.cluster.nodes
  const before = men.logs.map((log) => log.lines.length)
  const led = [...(first?.machine?.host.replicas() ?? [])].filter(({ isLeader }) => isLeader)
  expect(led.length).toBeGreaterThan(0)
  for (const replica of led) replica.stepDown()
  men.run(10)
  const after = men.logs.map((log, i) => log.events.slice(before[i]))
  expect(after.flat()).toContain('leads no more')
  expect(after.flat()).toContain('leads')
})

test('a group without a majority is told, and when it has a leader again', () => {
  const men = new Watchmen('no majority')
  men.run(2)
  for (const i of [1, 2]) men.watched.cluster.nodes[i]?.life?.pause(30_000)
  men.run(20)
  const [told, ...more] = men.log(0).of('groups without a leader')
  expect(told).toMatchObject({ groups: [0, 1, 2], count: 3 })
  expect(Number(told?.forMs)).toBeGreaterThanOrEqual(5_000)
  expect(more).toEqual([])
  men.run(30)
  expect(men.log(0).of('all groups have a leader')).toHaveLength(1)
})

test('a process that was held up knows it', () => {
  const men = new Watchmen('held up')
  men.run(2)
  // Two seconds in which nobody looked.
  men.watched.cluster.run(2_000)
  men.run(1)
  const [fields] = men.log(0).of('process was held up')
  expect(Number(fields?.forMs)).toBeGreaterThanOrEqual(1_900)
})

test('a slow disk is told for as long as it is slow', () => {
  const men = new Watchmen('slow disk')
  men.run(2)
  men.watched.slowDisks(700)
  for (let i = 0; i < 5; i++) {
    men.watched.put(`key ${i}`)
    men.run(1)
  }
  men.watched.slowDisks(0)
  men.run(10)
  const all = men.logs.flatMap((log) => quiet(log))
  expect(all).toContain('disk syncs slowly')
  const slow = all.filter((event) => event === 'disk syncs slowly').length
  expect(all.filter((event) => event === 'disk syncs well again')).toHaveLength(slow)
  expect(slow).toBeLessThanOrEqual(3)
  const [fields] = men.logs.flatMap((log) => log.of('disk syncs slowly'))
  expect(Number(fields?.syncMs)).toBeGreaterThan(500)
})

test('a clock that is off is told', () => {
  const men = new Watchmen('clock')
  men.run(3)
  men.watched.cluster.nodes[1]?.life?.shiftWall(3_000)
  men.run(15)
  const [fields] = men.log(1).of('clock is off')
  expect(Number(fields?.offsetMs)).toBeGreaterThan(2_500)
  expect(men.log(0).of('clock is off')).toEqual([])
  men.watched.cluster.nodes[1]?.life?.shiftWall(-3_000)
  men.run(15)
  expect(men.log(1).of('clock is right again')).toHaveLength(1)
})

test('load that is shed is told with its amount', () => {
  const men = new Watchmen('shed')
  men.run(2)
  const { machine } = men.watched.cluster.nodes[0] ?? {}
  if (machine !== undefined) machine.watch.shed += 7
  men.run(1)
  expect(men.log(0).of('load is shed')).toMatchObject([{ refused: 7 }])
  men.run(5)
  expect(men.log(0).of('load is shed no more')).toHaveLength(1)
})
