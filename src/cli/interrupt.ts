import process from 'node:process'

/** By the custom of shells: 128 and the number of the signal. */
const CODES = { SIGINT: 130, SIGTERM: 143 } as const

/** Whoever runs the command wants it to end. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
  readonly exitCode: number

  constructor(signal: keyof typeof CODES) {
    super(`ended by ${signal}`)
    this.exitCode = CODES[signal]
  }
}

/** Aborted with Interrupted by the first such signal; another ends the process at once. */
export function interruption(): AbortSignal {
  const controller = new AbortController()
  for (const name of Object.keys(CODES) as (keyof typeof CODES)[]) {
    process.once(name, () => controller.abort(new Interrupted(name)))
  }
  return controller.signal
}
