import fs from 'node:fs'
import path from 'node:path'
import { assert } from '../world/assert.ts'
import { type AppendFile, type Disk, DiskFault } from '../world/disk.ts'
import { spaceUnder } from './file-space.ts'

const NAME = /^[a-z0-9.-]+$/
/** A file that `replace` has not finished; not a name, so `list` never shows it. */
const UNFINISHED = '~'
/** Open files for reading: the log reads the same few segments again and again. */
const READERS_MAX = 8

/** The directory `directory` of the real file system, created if need be, as a Disk. */
export function openFiles(directory: string): Disk {
  attempt(`create ${directory}`, () => fs.mkdirSync(directory, { recursive: true }))
  const at = (name: string): string => {
    assert(NAME.test(name), `not a file name: ${name}`)
    return path.join(directory, name)
  }
  const readers = new Readers()
  const syncDirectoryNow = (): void => syncNow(directory, 'r')
  const list = (): string[] => {
    const names = attempt(`list ${directory}`, () => fs.readdirSync(directory))
    return names.filter((name) => NAME.test(name) && isFile(path.join(directory, name))).sort()
  }
  return {
    list,
    size: (name) =>
      attempt(`stat ${name}`, () => fs.statSync(at(name), { throwIfNoEntry: false })?.size ?? -1),
    read: (name, offset, length) =>
      attempt(`read ${name}`, () => readFully(readers.open(at(name)), offset, length)),
    open: (name) => openAppend(at(name)),
    truncate: (name, size) => {
      attempt(`truncate ${name}`, () => {
        fs.truncateSync(at(name), size)
        syncNow(at(name), 'r+')
      })
    },
    settle: (name, from) => {
      attempt(`settle ${name}`, () => {
        rewrite(at(name), from)
        syncDirectoryNow()
      })
    },
    remove: (name) => {
      readers.close(at(name))
      attempt(`remove ${name}`, () => fs.unlinkSync(at(name)))
    },
    replace: (name, bytes) => {
      const file = at(name)
      readers.close(file)
      attempt(`replace ${name}`, () => {
        fs.writeFileSync(file + UNFINISHED, bytes, { flush: true })
        fs.renameSync(file + UNFINISHED, file)
        syncDirectoryNow()
      })
    },
    space: () => spaceUnder(directory),
    syncDirectory: (done) => syncDirectory(directory, done)
  }
}

/** Whatever the file system refuses becomes a DiskFault that says what was tried. */
function attempt<T>(what: string, run: () => T): T {
  try {
    return run()
  } catch (cause) {
    throw fault(what, cause)
  }
}

function fault(what: string, cause: unknown): DiskFault {
  const reason = cause instanceof Error ? cause.message : String(cause)
  return new DiskFault(`cannot ${what}: ${reason}`, { cause })
}

function isFile(file: string): boolean {
  return fs.statSync(file, { throwIfNoEntry: false })?.isFile() === true
}

function syncNow(file: string, flags: string): void {
  const fd = fs.openSync(file, flags)
  try {
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

function readFully(fd: number, offset: number, length: number): Uint8Array {
  const left = Math.max(0, fs.fstatSync(fd).size - offset)
  const bytes = new Uint8Array(Math.min(length, left))
  let read = 0
  while (read < bytes.length) {
    const count = fs.readSync(fd, bytes, read, bytes.length - read, offset + read)
    if (count === 0) return bytes.subarray(0, read)
    read += count
  }
  return bytes
}

/** The same bytes at the same place: whatever of it reaches the disk when, nothing changes. */
function rewrite(file: string, from: number): void {
  const fd = fs.openSync(file, 'r+')
  try {
    const bytes = readFully(fd, from, Number.POSITIVE_INFINITY)
    let written = 0
    while (written < bytes.length) {
      written += fs.writeSync(fd, bytes, written, bytes.length - written, from + written)
    }
    fs.fsyncSync(fd)
  } finally {
    fs.closeSync(fd)
  }
}

function openAppend(file: string): AppendFile {
  const fd = attempt(`open ${file}`, () => fs.openSync(file, 'a'))
  let syncing = false
  return {
    append: (bytes) =>
      attempt(`append to ${file}`, () => {
        let written = 0
        while (written < bytes.length) {
          written += fs.writeSync(fd, bytes, written, bytes.length - written)
        }
      }),
    sync: (done) => {
      assert(!syncing, `two syncs of ${file} at once`)
      syncing = true
      fs.fdatasync(fd, (error) => {
        syncing = false
        done(error === null ? undefined : fault(`sync ${file}`, error))
      })
    },
    close: () => {
      assert(!syncing, `${file} closed while it is synced`)
      attempt(`close ${file}`, () => fs.closeSync(fd))
    }
  }
}

function syncDirectory(directory: string, done: (fault: DiskFault | undefined) => void): void {
  const what = `sync ${directory}`
  fs.open(directory, 'r', (error, fd) => {
    if (error !== null) {
      done(fault(what, error))
      return
    }
    fs.fsync(fd, (error) => {
      fs.close(fd, (closeError) => {
        const failed = error ?? closeError ?? null
        done(failed === null ? undefined : fault(what, failed))
      })
    })
  })
}

/** The files read last, kept open. */
class Readers {
  readonly #fds = new Map<string, number>()

  open(file: string): number {
    const known = this.#fds.get(file)
    if (known !== undefined) return known
    const fd = fs.openSync(file, 'r')
    if (this.#fds.size >= READERS_MAX) this.close(this.#fds.keys().next().value as string)
    this.#fds.set(file, fd)
    return fd
  }

  close(file: string): void {
    const fd = this.#fds.get(file)
    if (fd === undefined) return
    this.#fds.delete(file)
    fs.closeSync(fd)
  }
}
