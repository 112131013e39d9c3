import { fstatSync, readFileSync, statSync } from 'node:fs'
import process from 'node:process'
import { addAbortSignal } from 'node:stream'
import { errorOf, KeyMeshError } from '../client/errors.ts'
import { InvalidOptions } from '../node/options.ts'
import { concatBytes } from '../wire/bytes.ts'
import { failure } from '../wire/failure.ts'
import { VALUE_BYTES_MAX } from '../wire/limits.ts'

const STDIN = 0

/** All of standard input. Rejects with `too_large` as soon as it is more than a value may have. */
export function valueOfStdin(signal: AbortSignal): Promise<Uint8Array> {
  return bytesOfStdin(signal, { bytesMax: VALUE_BYTES_MAX, what: 'a value' })
}

/** How much may come, and of what, for messages. */
export interface Bound {
  readonly bytesMax: number
  readonly what: string
}

/** The same for anything else. */
export async function bytesOfStdin(signal: AbortSignal, bound: Bound): Promise<Uint8Array> {
  signal.throwIfAborted()
  // Node.js takes a directory for an empty file: the value would be lost without a word.
  if (fstatSync(STDIN).isDirectory()) {
    throw new InvalidOptions('standard input is a directory: give a file or a pipe')
  }
  const parts: Uint8Array[] = []
  let length = 0
  try {
    for await (const part of addAbortSignal(signal, process.stdin)) {
      const chunk = part as Uint8Array
      length += chunk.length
      if (length > bound.bytesMax) throw tooLarge('standard input', bound)
      parts.push(chunk)
    }
  } catch (error) {
    signal.throwIfAborted()
    if (error instanceof KeyMeshError) throw error
    const reason = error instanceof Error ? error.message : String(error)
    throw new InvalidOptions(`standard input cannot be read: ${reason}`, { cause: error })
  }
  return concatBytes(parts)
}

/** The same of a file. Throws InvalidOptions or KeyMeshError. */
export function bytesOfFile(file: string, bound: Bound): Uint8Array {
  try {
    if (statSync(file).size <= bound.bytesMax) return readFileSync(file)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new InvalidOptions(`cannot read ${file}: ${reason}`, { cause })
  }
  throw tooLarge(file, bound)
}

function tooLarge(from: string, { bytesMax, what }: Bound): Error {
  const message = `${from} is over ${bytesMax} bytes, the most ${what} may have`
  return errorOf(failure('too_large', message))
}
