import process from 'node:process'

/** Standard output takes no more: a full disk, most often. */
export class Unwritable extends Error {
  override readonly name = 'Unwritable'
}

/** One line to a person. */
export function say(message: string): void {
  process.stderr.write(`keymesh: ${message.split('\n').join(' ')}\n`)
}

/**
 * To standard output. Resolves once it left, or once it is clear that the reader went away, as in
 * `| head -1`: it has what it wanted. Rejects with Unwritable.
 */
export function tell(out: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(out, (cause: NodeJS.ErrnoException | null | undefined) => {
      if (cause === undefined || cause === null || cause.code === 'EPIPE') resolve()
      else reject(new Unwritable(`cannot write the answer: ${cause.message}`, { cause }))
    })
  })
}

/**
 * What cannot be written must not end the process with an exception: of an answer, whoever writes
 * it hears by itself; and a complaint that nobody reads is no reason for another one.
 */
export function outliveReaders(): void {
  process.stdout.on('error', () => {})
  process.stderr.on('error', () => {})
}
