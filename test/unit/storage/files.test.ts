import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { openFiles } from '../../../src/storage/files.ts'
import { openLevel } from '../../../src/storage/level.ts'
import { Overlay } from '../../../src/storage/overlay.ts'
import { utf8, utf8Text } from '../../../src/wire/bytes.ts'
import type { DiskFault } from '../../../src/world/disk.ts'
import { DiskFault as Fault } from '../../../src/world/disk.ts'

const root = fs.mkdtempSync(path.join(os.tmpdir(), 'keymesh-files-'))
afterAll(() => fs.rmSync(root, { recursive: true }))

type Result = DiskFault | undefined

test('what replace left unfinished is no file, nor is a directory', () => {
  const directory = path.join(root, 'unfinished')
  const disk = openFiles(directory)
  disk.replace('identity', utf8('whole'))
  fs.writeFileSync(path.join(directory, 'identity~'), 'half')
  fs.mkdirSync(path.join(directory, 'folder'))
  expect(disk.list()).toEqual(['identity'])
  disk.replace('identity', utf8('again'))
  expect(utf8Text(disk.read('identity', 0, 100))).toBe('again')
})

test('a refusal says what was tried, and keeps its cause', () => {
  const disk = openFiles(path.join(root, 'refusal'))
  const refused = (): Uint8Array => disk.read('none', 0, 1)
  expect(refused).toThrow(Fault)
  expect(refused).toThrow(/^cannot read none: ENOENT/)
  try {
    refused()
  } catch (error) {
    expect((error as Error).cause).toMatchObject({ code: 'ENOENT' })
  }
})

test('names that leave the directory are our own mistake', () => {
  const disk = openFiles(path.join(root, 'names'))
  expect(() => disk.open('../escape')).toThrow('not a file name')
})

/** Goal: the overlay on the real LevelDB: flush, snapshot in and out, all after a restart. */
test('an overlay on LevelDB keeps its groups over a restart', async () => {
  const directory = path.join(root, 'state')
  const faults: DiskFault[] = []
  const open = async () =>
    new Overlay(await openLevel(directory), { onFault: (fault) => faults.push(fault) })
  const overlay = await open()
  for (const group of [1, 2]) overlay.table(group).set(utf8('a'), utf8(`old ${group}`))
  expect(await new Promise<Result>((done) => overlay.flush(() => {}, done))).toBeUndefined()
  const receiver = overlay.receive(1)
  await new Promise<Result>((done) => receiver.put([[utf8('b'), utf8('new')]], done))
  const view = overlay.snapshot(1)
  await new Promise<Result>((done) => receiver.finish([[utf8('c'), utf8('new')]], done))
  const page = await new Promise((done) => view.page(undefined, 10, (_, entries) => done(entries)))
  expect(page).toEqual([[utf8('a'), utf8('old 1')]])
  view.release()
  await new Promise<void>((done) => overlay.close(done))
  const again = await open()
  const scan = (group: number) =>
    new Promise((done) => again.scan(group, new Uint8Array(0), (_, entries) => done(entries)))
  expect(await scan(1)).toEqual([
    [utf8('b'), utf8('new')],
    [utf8('c'), utf8('new')]
  ])
  expect(again.table(2).get(utf8('a'))).toEqual(utf8('old 2'))
  await new Promise<void>((done) => again.close(done))
  expect(faults).toEqual([])
})
