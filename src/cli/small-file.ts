import fs from 'node:fs'

/** How long a pipe may take to say all of it. */
const PIPE_MS_MAX = 5_000
const PIPE_POLL_MS = 20

/**
 * A file that is small, whole; a pipe, too, as shells make them for what a command says. Throws an
 * Error that says why it cannot be read: it may have no end, or say nothing.
 */
export function readSmallFile(file: string, bytesMax: number, pipeMsMax = PIPE_MS_MAX): string {
  // Else the open of a pipe that nobody writes to would never return.
  const descriptor = fs.openSync(file, fs.constants.O_RDONLY | fs.constants.O_NONBLOCK)
  try {
    const bytes = new Uint8Array(bytesMax + 1)
    const end = performance.now() + pipeMsMax
    let length = 0
    while (length <= bytesMax) {
      const read = readSome(descriptor, bytes.subarray(length))
      if (read === 0) return new TextDecoder().decode(bytes.subarray(0, length))
      if (read === 'later' && performance.now() >= end) {
        throw new Error(`it has no end after ${pipeMsMax} ms`)
      }
      if (read === 'later') pause()
      else length += read
    }
    throw new Error(`it is over ${bytesMax} bytes`)
  } finally {
    fs.closeSync(descriptor)
  }
}

function readSome(descriptor: number, into: Uint8Array): number | 'later' {
  try {
    return fs.readSync(descriptor, into)
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'EAGAIN') return 'later'
    throw error
  }
}

/** Nothing else runs yet that it could hold up. */
function pause(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, PIPE_POLL_MS)
}
