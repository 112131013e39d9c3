import process from 'node:process'

/** One line to a person. */
export function say(message: string): void {
  process.stderr.write(`keymesh: ${message.split('\n').join(' ')}\n`)
}
