import process from 'node:process'

/** One line to a person. */
export function say(message: string): void {
  process.stderr.write(`keymesh: ${message.split('\n').join(' ')}\n`)
}

/**
 * To standard output. Resolves once it left; a reader that went away (`| head -1`) has what it
 * wanted. Rejects if it could not be written.
 */
export function tell(out: string | Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    process.stdout.write(out, (error) => {
      if (error === undefined || error === null || isBrokenPipe(error)) resolve()
      else reject(error)
    })
  })
}

/** Without it a reader that went away would end the process with a fault. */
export function outliveReaders(): void {
  const onError = (error: Error): void => {
    if (!isBrokenPipe(error)) throw error
  }
  process.stdout.on('error', onError)
  process.stderr.on('error', onError)
}

function isBrokenPipe(error: NodeJS.ErrnoException): boolean {
  return error.code === 'EPIPE'
}
