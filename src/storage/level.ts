import { ClassicLevel } from 'classic-level'
import { DiskFault, diskDamage } from '../world/disk.ts'
import {
  type KeyRange,
  PAGE_BYTES,
  type StateStore,
  type StateView,
  type StateWrite
} from '../world/state-store.ts'
import { spaceUnder } from './file-space.ts'
import { REPLACE_NODE, StoreLocked } from './store-errors.ts'

type Level = ClassicLevel<Uint8Array, Uint8Array>

/** Writes of a batch that are handed over in one turn, 1 us each: requests do not wait for more. */
const SLICE = 500
/**
 * What the system answers where a file that names another wrongly, or that ends too soon, sends
 * LevelDB to where nothing is. The last is what comes of a name of zeros.
 */
const MISLED =
  /^IO error: .*(: (No such file or directory|Invalid argument|Is a directory|Not a directory)|\/)$/
const WRITE_BUFFER_BYTES = 16 * 1024 * 1024

export interface LevelOptions {
  /**
   * LevelDB gathers so much in a log and in memory, and then writes it out as a file. Default 16
   * MiB: a flush is 2 MiB, more when the disk is slow, and few should make LevelDB turn its log.
   */
  readonly writeBufferBytes?: number
}

/**
 * The state store in `directory`, created if need be. Throws StoreLocked when another process has
 * it open, DiskFault when it cannot be opened otherwise, its files damaged for example.
 */
export async function openLevel(
  directory: string,
  { writeBufferBytes = WRITE_BUFFER_BYTES }: LevelOptions = {}
): Promise<StateStore> {
  const level: Level = new ClassicLevel<Uint8Array, Uint8Array>(directory, {
    keyEncoding: 'view',
    valueEncoding: 'view',
    writeBufferSize: writeBufferBytes
  })
  try {
    await level.open()
  } catch (error) {
    const cause = error instanceof Error ? error.cause : undefined
    if (cause instanceof Error && 'code' in cause && cause.code === 'LEVEL_LOCKED') {
      throw new StoreLocked(`${directory} is in use by another process`, { cause })
    }
    throw fault(`open ${directory}`, cause ?? error)
  }
  return {
    get: (key) => {
      try {
        const value = level.getSync(key)
        return value === undefined ? undefined : plain(value)
      } catch (cause) {
        throw fault('read the state store', cause)
      }
    },
    view: () => openView(level),
    write: (batch, done) => write(level, batch, done),
    compact: (first, last, done) => {
      settle(level.compactRange(first, last), 'compact the state store', done)
    },
    space: () => spaceUnder(directory),
    close: (done) => {
      settle(level.close(), 'close the state store', (failed) => {
        if (failed !== undefined) throw failed
        done()
      })
    }
  }
}

/** LevelDB hands out Buffers, whose `slice` does not copy as that of any Uint8Array does. */
function plain(bytes: Uint8Array): Uint8Array {
  return new Uint8Array(bytes.buffer, bytes.byteOffset, bytes.length)
}

function fault(what: string, cause: unknown): DiskFault {
  const reason = cause instanceof Error ? cause.message : String(cause)
  const message = `cannot ${what}: ${reason}`
  if (!isDamage(cause)) return new DiskFault(message, { cause })
  return diskDamage(`${message}. ${REPLACE_NODE}`, { cause })
}

/** LevelDB found a file of its own missing, or not as it wrote it. */
function isDamage(cause: unknown): boolean {
  if (!(cause instanceof Error && 'code' in cause)) return false
  return cause.code === 'LEVEL_CORRUPTION' || MISLED.test(cause.message)
}

/** What `done` throws is not the disk's fault: an unhandled rejection, which is fatal. */
function settle(
  work: Promise<void>,
  what: string,
  done: (fault: DiskFault | undefined) => void
): void {
  work.then(
    () => done(undefined),
    (error: unknown) => done(fault(what, error))
  )
}

/**
 * A chained batch costs a fifth of an array batch on the main thread (docs/decisions/0003). `sync`
 * on every write: an unsynced LevelDB is not even a prefix of what was written after a power cut.
 */
function write(
  level: Level,
  batch: readonly StateWrite[],
  done: (fault: DiskFault | undefined) => void
): void {
  const chain = level.batch()
  const add = (from: number): void => {
    const to = Math.min(from + SLICE, batch.length)
    try {
      for (let i = from; i < to; i++) {
        const { key, value } = batch[i] as StateWrite
        if (value === undefined) chain.del(key)
        else chain.put(key, value)
      }
    } catch (cause) {
      done(fault('write to the state store', cause))
      return
    }
    if (to < batch.length) setImmediate(add, to)
    else settle(chain.write({ sync: true }), 'write to the state store', done)
  }
  add(0)
}

function openView(level: Level): StateView {
  const snapshot = level.snapshot()
  return {
    page: ({ gte, lt, reverse = false }: KeyRange, limit, done) => {
      const bounds = { gte, lt, reverse }
      const iterator = level.iterator({ ...bounds, snapshot, highWaterMarkBytes: PAGE_BYTES })
      const entries: [Uint8Array, Uint8Array][] = []
      const read = async (): Promise<void> => {
        try {
          for (const [key, value] of await iterator.nextv(limit)) {
            entries.push([plain(key), plain(value)])
          }
        } finally {
          await iterator.close()
        }
      }
      settle(read(), 'read the state store', (failed) => done(failed, entries))
    },
    release: () => {
      // It waits for pages under way; a second call changes nothing.
      settle(snapshot.close(), 'release a view of the state store', (failed) => {
        if (failed !== undefined) throw failed
      })
    }
  }
}
