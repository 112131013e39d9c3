import { spawnSync } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, rmdirSync, rmSync, statfsSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

const PIECE = new Uint8Array(256 * 1024).fill(0x5a)

/** A file system of its own that can be filled; needs the right to mount one. */
export class SmallDisk implements Disposable {
  readonly directory: string

  private constructor(directory: string) {
    this.directory = directory
  }

  /** A string says why there is none. */
  static open(mebibytes: number): SmallDisk | string {
    if (process.platform !== 'linux') return 'a tmpfs can be mounted on Linux only'
    const directory = mkdtempSync(join(tmpdir(), 'keymesh-small-disk-'))
    const size = `size=${mebibytes}m`
    const mounted = spawnSync('mount', ['-t', 'tmpfs', '-o', size, 'tmpfs', directory])
    if (mounted.status === 0) return new SmallDisk(directory)
    rmdirSync(directory)
    return `no tmpfs can be mounted here: ${String(mounted.stderr ?? mounted.error).trim()}`
  }

  get freeBytes(): number {
    const { bavail, bsize } = statfsSync(this.directory)
    return bavail * bsize
  }

  /** Another program's file takes so much, or all there is; returns how to remove it. */
  fill(bytesMax = Number.POSITIVE_INFINITY): () => void {
    const file = join(mkdtempSync(join(this.directory, 'other-')), 'file')
    const fd = openSync(file, 'w')
    try {
      for (let bytes = 0; bytes < bytesMax; ) bytes += writeSync(fd, PIECE)
    } catch (error) {
      if (!(error instanceof Error && 'code' in error && error.code === 'ENOSPC')) throw error
    }
    closeSync(fd)
    return () => rmSync(file)
  }

  [Symbol.dispose](): void {
    const { status, stderr } = spawnSync('umount', [this.directory])
    if (status !== 0) throw new Error(`cannot unmount ${this.directory}: ${stderr}`)
    rmdirSync(this.directory)
  }
}
