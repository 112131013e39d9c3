import type { Clock } from '../world/clock.ts'
import type { AppendFile, Disk } from '../world/disk.ts'
import { Histogram } from '../world/histogram.ts'

/** What a disk was asked for since it was opened. */
export class DiskCounts {
  /** From asking for a sync to its end, in ms. */
  readonly sync = new Histogram()
}

/** `disk`, counted. */
export function meteredDisk(disk: Disk, clock: Clock, counts: DiskCounts): Disk {
  return {
    open: (name) => meteredFile(disk.open(name), clock, counts),
    list: () => disk.list(),
    size: (name) => disk.size(name),
    read: (name, offset, length) => disk.read(name, offset, length),
    truncate: (name, size) => disk.truncate(name, size),
    settle: (name, from) => disk.settle(name, from),
    remove: (name) => disk.remove(name),
    replace: (name, bytes) => disk.replace(name, bytes),
    space: () => disk.space(),
    syncDirectory: (done) => disk.syncDirectory(done)
  }
}

function meteredFile(file: AppendFile, clock: Clock, counts: DiskCounts): AppendFile {
  return {
    append: (bytes) => file.append(bytes),
    sync: (done) => {
      const began = clock.monotonic()
      file.sync((fault) => {
        counts.sync.observe(clock.monotonic() - began)
        done(fault)
      })
    },
    close: () => file.close()
  }
}
