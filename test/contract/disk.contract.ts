import { expect, test } from 'vitest'
import { utf8, utf8Text } from '../../src/wire/bytes.ts'
import { type Disk, DiskFault } from '../../src/world/disk.ts'

/** One disk under test, and a way to wait for its callbacks. */
export interface DiskHarness {
  readonly disk: Disk
  /** Calls `start`, and resolves with what it hands to its callback. */
  wait<T>(start: (done: (result: T) => void) => void): Promise<T>
  /** A new process on the same directory, after a clean end of the one before. */
  reopen(): Disk
}

type Fault = DiskFault | undefined

/** What every Disk does. `open` makes an empty one. */
export function diskContract(open: () => DiskHarness): void {
  const text = (disk: Disk, name: string): string | undefined =>
    utf8Text(disk.read(name, 0, Math.max(0, disk.size(name))))

  test('an empty disk lists nothing and knows no file', () => {
    const { disk } = open()
    expect(disk.list()).toEqual([])
    expect(disk.size('a')).toBe(-1)
    expect(() => disk.read('a', 0, 1)).toThrow(DiskFault)
  })

  test('appends are read back at once, before any sync', () => {
    const { disk } = open()
    const file = disk.open('a.log')
    const bytes = utf8('one ')
    file.append(bytes)
    bytes.fill(0)
    file.append(utf8('two'))
    expect(text(disk, 'a.log')).toBe('one two')
    expect(disk.size('a.log')).toBe(7)
    file.close()
  })

  test('a read ends with the file, and begins wherever it is told to', () => {
    const { disk } = open()
    const file = disk.open('a')
    file.append(utf8('0123456789'))
    expect(utf8Text(disk.read('a', 3, 4))).toBe('3456')
    expect(utf8Text(disk.read('a', 8, 100))).toBe('89')
    expect(disk.read('a', 10, 5)).toHaveLength(0)
    expect(disk.read('a', 50, 5)).toHaveLength(0)
    file.close()
  })

  test('bytes that were read belong to the reader', () => {
    const { disk } = open()
    const file = disk.open('a')
    file.append(utf8('kept'))
    disk.read('a', 0, 4).fill(0)
    expect(text(disk, 'a')).toBe('kept')
    file.close()
  })

  test('a sync calls back once, never inside the call; appends may go on meanwhile', async () => {
    const { disk, wait } = open()
    const file = disk.open('a')
    file.append(utf8('first'))
    let inside = true
    const fault = await wait<Fault>((done) => {
      file.sync((result) => {
        expect(inside).toBe(false)
        done(result)
      })
      file.append(utf8(' second'))
      inside = false
    })
    expect(fault).toBeUndefined()
    expect(text(disk, 'a')).toBe('first second')
    file.close()
  })

  test('a file opened again goes on at its end', async () => {
    const { disk, wait, reopen } = open()
    const file = disk.open('a')
    file.append(utf8('one'))
    await wait<Fault>((done) => file.sync(done))
    await wait<Fault>((done) => disk.syncDirectory(done))
    file.close()
    const again = reopen()
    const second = again.open('a')
    second.append(utf8(' two'))
    expect(text(again, 'a')).toBe('one two')
    second.close()
  })

  test('a truncated file ends there, and the next append follows', () => {
    const { disk } = open()
    const file = disk.open('a')
    file.append(utf8('0123456789'))
    file.close()
    disk.truncate('a', 4)
    expect(text(disk, 'a')).toBe('0123')
    const again = disk.open('a')
    again.append(utf8('x'))
    expect(text(disk, 'a')).toBe('0123x')
    again.close()
  })

  test('settling a file changes nothing that it shows', () => {
    const { disk, reopen } = open()
    const file = disk.open('a')
    file.append(utf8('0123456789'))
    file.close()
    const again = reopen()
    again.settle('a', 4)
    again.settle('a', 10)
    expect(text(again, 'a')).toBe('0123456789')
    expect(() => again.settle('b', 0)).toThrow(DiskFault)
  })

  test('a removed file is gone, and its name is free', async () => {
    const { disk, wait } = open()
    const file = disk.open('a')
    file.append(utf8('old'))
    expect(text(disk, 'a')).toBe('old')
    file.close()
    disk.remove('a')
    expect(disk.size('a')).toBe(-1)
    expect(disk.list()).toEqual([])
    expect(await wait<Fault>((done) => disk.syncDirectory(done))).toBeUndefined()
    const next = disk.open('a')
    next.append(utf8('new'))
    expect(text(disk, 'a')).toBe('new')
    next.close()
    expect(() => disk.remove('b')).toThrow(DiskFault)
  })

  test('replace makes or replaces the whole file', () => {
    const { disk, reopen } = open()
    disk.replace('identity.json', utf8('first, and longer'))
    expect(text(disk, 'identity.json')).toBe('first, and longer')
    disk.replace('identity.json', utf8('second'))
    expect(text(disk, 'identity.json')).toBe('second')
    expect(text(reopen(), 'identity.json')).toBe('second')
  })

  test('it tells how much room there is', () => {
    const { disk } = open()
    const { freeBytes, totalBytes } = disk.space()
    expect(freeBytes).toBeGreaterThan(0)
    expect(totalBytes).toBeGreaterThanOrEqual(freeBytes)
  })

  test('names are listed in order', () => {
    const { disk } = open()
    for (const name of ['b', 'a.1', 'a-2', 'c']) disk.open(name).close()
    expect(disk.list()).toEqual(['a-2', 'a.1', 'b', 'c'])
  })
}
