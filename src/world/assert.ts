/** Thrown when the program itself is wrong. It is never caught to go on: the process ends. */
export class AssertionError extends Error {
  override readonly name = 'AssertionError'
}

/** Stops the process when `condition`, which only our own mistake can make false, is false. */
export function assert(condition: unknown, message: string): asserts condition {
  if (!condition) throw new AssertionError(message)
}

/** The end of a `switch` over a closed union. */
export function unreachable(value: never): never {
  throw new AssertionError(`unreachable: ${JSON.stringify(value)}`)
}
