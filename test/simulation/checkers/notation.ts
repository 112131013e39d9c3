import type { Operation, Outcome } from './linearizable.ts'
import type { Answer, Call } from './register.ts'

// A history in lines, so that planted ones can be read at a glance:
//
//   a 0-2  put x           = @1         written at revision 1
//   b 1-3  get             = x@1        the value and its revision; `absent` if there is none
//   b 4-5  put y if 1      = @2         conditional; `conflict@2` when the key was at 2
//   a 6-7  add 5           = 5@3        an increment; `nan` when there is no number
//   a 8-9  del             = @4         `absent` if there was nothing to delete
//   a 8-9  touch           = @4         `absent` if there was nothing to touch
//   c 9-   put z           ?            nobody knows what became of it
//   c 9-12 put z           !            it surely took no effect

const LINE = /^(\w+) (\d+)-(\d*) +(get|put|del|add|touch)( [^\s=]+)?( if \d+)? *(\?|!|= ?(\S+))$/

/** Reads a history of one key. Throws on a line that is none. */
export function parseHistory(text: string, key = 'k'): Operation[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map((line) => parseLine(line, key))
}

function parseLine(line: string, key: string): Operation {
  const parts = LINE.exec(line)
  if (parts === null) throw new Error(`not an operation: ${line}`)
  const [, client = '', called, returned, verb = '', argument, condition, outcome = ''] = parts
  const call = parseCall(verb, argument?.trim(), condition)
  return {
    client,
    key,
    called: Number(called),
    returned: returned === '' ? undefined : Number(returned),
    call,
    outcome: parseOutcome(outcome, call)
  }
}

function parseCall(verb: string, argument = '', condition?: string): Call {
  const when = condition === undefined ? {} : { ifRevision: Number(condition.slice(4)) }
  if (verb === 'get') return { type: 'get' }
  if (verb === 'put') return { type: 'put', value: argument, ...when }
  if (verb === 'del') return { type: 'delete', ...when }
  if (verb === 'touch') return { type: 'touch', ...when }
  return { type: 'increment', by: Number(argument), ...when }
}

function parseOutcome(text: string, call: Call): Outcome {
  if (text === '?') return { type: 'unknown' }
  if (text === '!') return { type: 'failed' }
  return { type: 'ok', answer: parseAnswer(text.slice(1).trim(), call) }
}

function parseAnswer(text: string, call: Call): Answer {
  if (text === 'absent') return { type: 'absent' }
  if (text === 'nan') return { type: 'not-a-number' }
  const [before = '', after = ''] = text.split('@')
  const revision = Number(after)
  if (before === 'conflict') return { type: 'conflict', revision }
  if (call.type === 'get') return { type: 'value', value: before, revision }
  if (call.type === 'increment') return { type: 'counted', value: Number(before), revision }
  return call.type === 'delete' ? { type: 'deleted', revision } : { type: 'written', revision }
}
