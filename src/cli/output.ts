import process from 'node:process'
import { type Answer, EXIT, failedBy, type Told } from './answer.ts'
import { say, tell, Unwritable } from './say.ts'

const LINE_END = 0x0a

/** Tells `answer` on standard output; the result is the exit code. */
export async function sayAnswer(answer: Answer | Told, json: boolean): Promise<number> {
  if ('type' in answer) return answer.exitCode
  if (json) await tell(`${JSON.stringify(answer.json())}\n`)
  else {
    const plain = answer.plain()
    if (typeof plain === 'string') await tell(`${plain}\n`)
    else await tell(plainBytes(plain, process.stdout.isTTY === true))
  }
  return answer.exitCode
}

/** A value as it is; a terminal gets a line end after it, so that the prompt has its own line. */
export function plainBytes(value: Uint8Array, isTerminal: boolean): Uint8Array {
  if (!isTerminal || value.length === 0 || value.at(-1) === LINE_END) return value
  return Uint8Array.of(...value, LINE_END)
}

/** Tells why a command failed; the result is the exit code. */
export async function sayFailure(error: unknown, json: boolean): Promise<number> {
  if (error instanceof Unwritable) {
    say(error.message)
    return EXIT.fault
  }
  const failed = failedBy(error)
  if (failed === undefined) {
    const detail = error instanceof Error ? error.stack : String(error)
    process.stderr.write(`keymesh: a fault of this command; please report it\n${detail}\n`)
    return EXIT.fault
  }
  if (!json) {
    say(failed.message)
    return failed.exitCode
  }
  try {
    await tell(`${JSON.stringify(failed.json)}\n`)
    return failed.exitCode
  } catch (unwritable) {
    return await sayFailure(unwritable, false)
  }
}
