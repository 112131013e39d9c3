import type { Disk } from '../world/disk.ts'

export interface ReserveOptions {
  /** What it takes up when it is whole; 0: there is none. */
  readonly bytesMax: number
  /** Bytes that no file system makes smaller. */
  readonly noise: (length: number) => Uint8Array
}

const NAME = /^reserve-\d\d$/
const PIECES = 32

/**
 * Files that take up space while there is some, and give it back when others have taken the rest:
 * for what a node must write on a full disk to keep its promises and to free space. They go one by
 * one, right before a write that needs it: whoever fills the disk may take what is given back, too.
 * What is in them means nothing, so they are never synced.
 */
export class Reserve {
  /** Called when some of it was given back. */
  onRelease: () => void = () => {}
  readonly bytesMax: number
  readonly #disk: Disk
  readonly #noise: (length: number) => Uint8Array
  readonly #pieceBytes: number
  readonly #pieces = new Map<string, number>()
  #held = 0

  /** Finds what an earlier life made. */
  constructor(disk: Disk, { bytesMax, noise }: ReserveOptions) {
    this.#disk = disk
    this.bytesMax = bytesMax
    this.#noise = noise
    this.#pieceBytes = Math.ceil(bytesMax / PIECES)
    for (const name of disk.list()) {
      if (NAME.test(name)) this.#count(name, disk.size(name))
    }
    while (this.#held > bytesMax) this.#releasePiece()
  }

  /** Bytes that it takes up. */
  get held(): number {
    return this.#held
  }

  /** Adds a piece. Requires: there is room for it, and it is not whole. Throws DiskFault. */
  fill(): void {
    const length = Math.min(this.#pieceBytes, this.bytesMax - this.#held)
    let number = 0
    while (this.#pieces.has(nameOf(number))) number++
    const name = nameOf(number)
    const file = this.#disk.open(name)
    file.append(this.#noise(length))
    file.close()
    this.#count(name, length)
  }

  /** Gives as much back as it takes for `bytes` and a little more to be free, if it has as much. */
  makeRoom(bytes: number): void {
    const needed = bytes + this.#pieceBytes
    if (this.#held === 0 || this.#disk.space().freeBytes >= needed) return
    do this.#releasePiece()
    while (this.#held > 0 && this.#disk.space().freeBytes < needed)
    this.onRelease()
  }

  /** The disk, where whatever is written has the reserve behind it. */
  guarded(): Disk {
    const disk = this.#disk
    return {
      open: (name) => {
        const file = disk.open(name)
        return {
          append: (bytes) => {
            this.makeRoom(bytes.length)
            file.append(bytes)
          },
          sync: (done) => file.sync(done),
          close: () => file.close()
        }
      },
      replace: (name, bytes) => {
        this.makeRoom(bytes.length)
        disk.replace(name, bytes)
      },
      list: () => disk.list(),
      size: (name) => disk.size(name),
      read: (name, offset, length) => disk.read(name, offset, length),
      truncate: (name, size) => disk.truncate(name, size),
      settle: (name, from) => disk.settle(name, from),
      remove: (name) => disk.remove(name),
      space: () => disk.space(),
      syncDirectory: (done) => disk.syncDirectory(done)
    }
  }

  #count(name: string, bytes: number): void {
    this.#pieces.set(name, bytes)
    this.#held += bytes
  }

  #releasePiece(): void {
    for (const [name, bytes] of this.#pieces) {
      this.#disk.remove(name)
      this.#pieces.delete(name)
      this.#held -= bytes
      return
    }
  }
}

const nameOf = (number: number): string => `reserve-${String(number).padStart(2, '0')}`

/**
 * Before anything else is opened: on a disk that others filled while no node ran, opening the store
 * and the log needs room.
 */
export function releaseToStart(disk: Disk, bytesMax: number): void {
  new Reserve(disk, { bytesMax, noise: () => new Uint8Array(0) }).makeRoom(bytesMax)
}
