import { fstatSync } from 'node:fs'
import process from 'node:process'
import { addAbortSignal } from 'node:stream'
import { errorOf, KeyMeshError } from '../client/errors.ts'
import { InvalidOptions } from '../node/options.ts'
import { concatBytes } from '../wire/bytes.ts'
import { failure } from '../wire/failure.ts'
import { VALUE_BYTES_MAX } from '../wire/limits.ts'

const STDIN = 0

/** All of standard input. Rejects with `too_large` as soon as it is more than a value may have. */
export async function valueOfStdin(signal: AbortSignal): Promise<Uint8Array> {
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
      if (length > VALUE_BYTES_MAX) throw tooLarge()
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

function tooLarge(): Error {
  const message = `standard input is over ${VALUE_BYTES_MAX} bytes, the most a value may have`
  return errorOf(failure('too_large', message))
}
