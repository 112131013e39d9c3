import { expect, test } from 'vitest'
import { SimulatedDisk } from '../../../src/simulation/disk.ts'
import { appendTo, contentOf, emptyFile, wholeFile } from '../../../src/simulation/disk-file.ts'
import { CUT_OUTCOMES, type CutOutcome, cutPower } from '../../../src/simulation/power-cut.ts'
import { type Life, LifeOver, World } from '../../../src/simulation/world.ts'
import { utf8, utf8Text } from '../../../src/wire/bytes.ts'
import { DiskFault } from '../../../src/world/disk.ts'
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

/** What each outcome of a power cut leaves of `unsynced` bytes behind `synced` ones, of many. */
function cuts(outcome: CutOutcome, synced: string, unsynced: string): Set<string> {
  const seen = new Set<string>()
  for (let seed = 0; seed < 300; seed++) {
    const file = emptyFile()
    appendTo(file, utf8(synced))
    file.durable = file.length
    for (const record of unsynced.split('|')) appendTo(file, utf8(record))
    cutPower(file, seededRandom(`${outcome} ${seed}`), outcome)
    expect(file.durable).toBe(file.length)
    const text = utf8Text(contentOf(file)) ?? ''
    expect(text.startsWith(synced)).toBe(true)
    seen.add(text)
  }
  return seen
}

test.each(CUT_OUTCOMES)('a power cut leaves what was synced: %s', (outcome) => {
  const sectors = 'x'.repeat(600)
  const seen = cuts(outcome, 'safe', `${sectors}|last`)
  const whole = `safe${sectors}last`
  const all = [...seen]
  switch (outcome) {
    case 'keep':
      expect(all).toEqual([whole])
      break
    case 'lose':
      expect(all).toEqual(['safe'])
      break
    case 'lose-suffix':
      expect(all.every((text) => whole.startsWith(text))).toBe(true)
      expect(seen.size).toBeGreaterThan(100)
      break
    case 'zero-sectors':
      expect(all.some((text) => text.endsWith('last') && text.includes('\0'))).toBe(true)
      expect(all.every((text) => text.length === whole.length)).toBe(true)
      break
    case 'stale-sectors':
      expect(all.some((text) => text.indexOf('safe', 1) > 0)).toBe(true)
      break
    case 'zero-range':
      expect(all.every((text) => text.length >= whole.length)).toBe(true)
      expect(all.some((text) => text.length > whole.length && text.endsWith('\0'))).toBe(true)
      break
    case 'tear-last':
      expect(all.every((text) => text.startsWith(`safe${sectors}`))).toBe(true)
      expect(all.some((text) => /la..$/.test(text) && !text.endsWith('last'))).toBe(true)
      break
  }
})

test('a power cut does nothing to a file of which all is synced', () => {
  for (const outcome of CUT_OUTCOMES) {
    const file = wholeFile(utf8('safe'))
    cutPower(file, seededRandom(outcome), outcome)
    expect(contentOf(file)).toEqual(utf8('safe'))
  }
})

test('a file renamed into place can vanish, and the old one return, until it is done', () => {
  const seen = outcomes(({ disk }) => {
    disk.replace('a', utf8('old'))
    disk.dieAfter(1, () => {})
    expect(() => disk.replace('a', utf8('new'))).toThrow(LifeOver)
  })
  expect([...seen].sort()).toEqual(['a=new', 'a=old'])
  const done = outcomes(({ disk }) => {
    disk.replace('a', utf8('old'))
    disk.replace('a', utf8('new'))
  })
  expect([...done]).toEqual(['a=new'])
})

test('a sync within a call can fail, and then promises nothing', () => {
  const seen = outcomes(({ disk, life }) => {
    disk.replace('a', utf8('old'))
    disk.failNextSync()
    expect(() => disk.replace('a', utf8('new'))).toThrow(DiskFault)
    expect(disk.failedLife).toBe(life)
    expect(contents(disk)).toEqual(['a=new'])
  })
  expect([...seen].sort()).toEqual(['a=new', 'a=old'])
})

test('a slow disk holds up what waits for its sync within a call', () => {
  const { world, disk, life } = machine()
  const done: number[] = []
  life.timers.after(10, () => {
    disk.syncDelayMs = 500
    disk.replace('a', utf8('1'))
    life.timers.soon(() => done.push(world.now))
  })
  world.runUntil(1_000)
  expect(done).toEqual([510])
})

test('a full disk takes a part of an append, and the node may not go on', () => {
  const { disk, life } = machine()
  const file = disk.open('a')
  file.append(utf8('12345'))
  disk.bytesMax = 8
  expect(() => file.append(utf8('6789'))).toThrow(DiskFault)
  expect(disk.failedLife).toBe(life)
  expect(disk.size('a')).toBeLessThanOrEqual(8)
  disk.bytesMax = 100
  file.append(utf8('and on'))
  expect(contents(disk)[0]).toMatch(/^a=12345.*and on$/)
})

test('a disk can be put back as it was, and shows nothing that came later', () => {
  const made = machine()
  const { world, disk } = made
  synced(made, 'old')
  const image = disk.image()
  disk.open('a').append(utf8(' and new'))
  disk.open('b').append(utf8('more'))
  expect(() => disk.restore(image)).toThrow('in use')
  disk.kill()
  disk.restore(image)
  expect(contents(disk)).toEqual(['a=old'])
  disk.crash(seededRandom('after'))
  expect(contents(disk)).toEqual(['a=old'])
  disk.attach(world.life('next'))
  disk.cutAtRest('a', 1)
  expect(contents(disk)).toEqual(['a=o'])
})
