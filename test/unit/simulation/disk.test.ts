import { expect, test } from 'vitest'
import { SimulatedDisk } from '../../../src/simulation/disk.ts'
import { type Life, World } from '../../../src/simulation/world.ts'
import { utf8, utf8Text } from '../../../src/wire/bytes.ts'
import { seededRandom } from '../../../src/world/random.ts'

interface Machine {
  world: World
  disk: SimulatedDisk
  life: Life
}

function machine(): Machine {
  const world = new World('disk')
  const disk = new SimulatedDisk(world, 'a', { syncMs: [1, 2] })
  const life = world.life('life')
  disk.attach(life)
  return { world, disk, life }
}

const contents = (disk: SimulatedDisk): string[] =>
  disk.list().map((name) => `${name}=${utf8Text(disk.read(name, 0, 10_000)) ?? ''}`)

/** All outcomes that 200 crashes of the machine which `prepare` makes can have. */
function outcomes(prepare: (made: Machine) => void): Set<string> {
  const seen = new Set<string>()
  for (let seed = 0; seed < 200; seed++) {
    const made = machine()
    prepare(made)
    made.life.end()
    made.disk.crash(seededRandom(String(seed)))
    seen.add(contents(made.disk).join(' '))
  }
  return seen
}

const synced = ({ world, disk }: Machine, text: string): void => {
  const file = disk.open('a')
  file.append(utf8(text))
  file.sync(() => {})
  disk.syncDirectory(() => {})
  world.runUntil(world.now + 10)
}

test('what was synced survives every power cut', () => {
  expect([...outcomes((made) => synced(made, 'safe'))]).toEqual(['a=safe'])
})

test('what was not synced may stay, go, or stay in part', () => {
  const seen = outcomes((made) => {
    synced(made, 'safe')
    made.disk.open('a').append(utf8('1234'))
  })
  expect(seen).toContain('a=safe1234')
  expect(seen).toContain('a=safe')
  expect(seen).toContain('a=safe12')
  expect(seen).toContain('a=safe\0\0\0\0')
})

test('sectors reach the disk in any order', () => {
  const seen = outcomes((made) => {
    synced(made, 'safe')
    made.disk.open('a').append(utf8('x'.repeat(1200)))
  })
  const reordered = [...seen].some((text) => /^a=safe\0+x+/.test(text))
  expect(reordered).toBe(true)
})

test('a sync under way promises nothing; bytes appended after it began are not in it', () => {
  const under = outcomes(({ disk }) => {
    const file = disk.open('a')
    file.append(utf8('1'))
    file.sync(() => {})
  })
  expect(under).toContain('')
  const after = outcomes(({ world, disk }) => {
    const file = disk.open('a')
    disk.syncDirectory(() => {})
    file.append(utf8('1'))
    file.sync(() => {})
    file.append(utf8('2'))
    world.runUntil(10)
  })
  expect(after).toContain('a=1')
  expect(after).toContain('a=12')
})

test('files made and removed without a directory sync come and go', () => {
  const made = outcomes(({ world, disk }) => {
    const file = disk.open('a')
    file.append(utf8('1'))
    file.sync(() => {})
    world.runUntil(10)
  })
  expect([...made].sort()).toEqual(['', 'a=1'])
  const removed = outcomes((it) => {
    synced(it, 'safe')
    it.disk.remove('a')
  })
  expect([...removed].sort()).toEqual(['', 'a=safe'])
})

test('after a failed sync the next one succeeds, and the bytes are lost all the same', () => {
  const seen = outcomes(({ world, disk }) => {
    const faults: unknown[] = []
    const file = disk.open('a')
    file.append(utf8('1'))
    disk.syncDirectory(() => {})
    world.runUntil(10)
    disk.failNextSync()
    file.sync((fault) => faults.push(fault))
    world.runUntil(20)
    file.append(utf8('2'))
    file.sync((fault) => faults.push(fault))
    world.runUntil(30)
    expect(faults.map((fault) => fault !== undefined)).toEqual([true, false])
    expect(contents(disk)).toEqual(['a=12'])
  })
  expect([...seen]).toEqual(['a=\x002'])
})

test('settling writes again what a failed sync lost', () => {
  const seen = outcomes(({ world, disk }) => {
    const file = disk.open('a')
    file.append(utf8('1'))
    disk.failNextSync()
    file.sync(() => {})
    world.runUntil(10)
    disk.kill()
    disk.attach(world.life('next'))
    disk.settle('a', 0)
  })
  expect([...seen]).toEqual(['a=1'])
})

test('a hanging disk takes syncs and ends them when it comes back', () => {
  const { world, disk } = machine()
  const done: string[] = []
  const file = disk.open('a')
  disk.hangSyncs()
  file.sync(() => done.push('file'))
  world.runUntil(100)
  expect(done).toEqual([])
  disk.resumeSyncs()
  world.runUntil(200)
  expect(done).toEqual(['file'])
})

test('a dead process hears of no sync', () => {
  const { world, disk, life } = machine()
  const done: string[] = []
  disk.open('a').sync(() => done.push('file'))
  life.end()
  disk.kill()
  world.runUntil(100)
  expect(done).toEqual([])
})
