/** One step of a transaction: a list read whole, or one element appended to a list. */
export type Step =
  | { readonly type: 'read'; readonly key: string; readonly elements: readonly string[] }
  | { readonly type: 'append'; readonly key: string; readonly element: string }

/**
 * One transaction as its client saw it. Keys hold lists, absent ones are empty, and no element is
 * ever appended twice to one key. A plain read or append is a transaction of one step; an append
 * by compare-and-set is one of two, the read it rests on and the append. Times are of any one
 * clock that never goes back; what was called at the very time another returned is concurrent.
 */
export interface Transaction {
  readonly client: string
  readonly called: number
  /** Undefined only if the outcome is unknown, and of no meaning then. */
  readonly returned: number | undefined
  /**
   * See Outcome of linearizable.ts. What a failed one read counts for nothing: it may be why it
   * failed. What an unknown one read counts if somebody saw what it appended, for then it
   * committed; so its reads must be those of the attempt whose outcome is unknown, or left out.
   */
  readonly outcome: 'ok' | 'failed' | 'unknown'
  /** In the order in which the transaction took them: reads see the appends before them. */
  readonly steps: readonly Step[]
}

/** Of a list in a report, from its end. */
const ELEMENTS_SHOWN_MAX = 8

export const describeTransaction = ({ client, called, returned, outcome }: Transaction): string =>
  `${client} [${called}, ${outcome === 'unknown' ? '…' : returned}]`

export function describeList(elements: readonly string[]): string {
  const shown = elements.slice(-ELEMENTS_SHOWN_MAX)
  return `[${shown.length < elements.length ? '… ' : ''}${shown.join(' ')}]`
}

// A history in lines, the steps in their order:
//
//   a 0-1 x[] x+1 y[2 3]     reads x as empty, appends 1 to x, reads y as 2 3
//   a 0-  x+1 ?              nobody knows what became of it
//   a 0-1 x+1 !              it surely took no effect

const LINE = /^(\w+) (\d+)-(\d*) +(\w.*?)( [?!])?$/
const STEP = /(\w+)(?:\+(\w+)|\[([\w ]*)\])( +|$)/y

/** Throws on a line that is none. */
export function parseTransactions(text: string): Transaction[] {
  return text
    .split('\n')
    .map((line) => line.trim())
    .filter((line) => line !== '')
    .map(parseLine)
}

function parseLine(line: string): Transaction {
  const parts = LINE.exec(line)
  if (parts === null) throw new Error(`not a transaction: ${line}`)
  const [, client = '', called, returned, steps = '', mark] = parts
  return {
    client,
    called: Number(called),
    returned: returned === '' ? undefined : Number(returned),
    outcome: mark === undefined ? 'ok' : mark === ' ?' ? 'unknown' : 'failed',
    steps: parseSteps(steps)
  }
}

function parseSteps(text: string): Step[] {
  const steps: Step[] = []
  STEP.lastIndex = 0
  while (STEP.lastIndex < text.length) {
    const step = STEP.exec(text)
    if (step === null) throw new Error(`not the steps of a transaction: ${text}`)
    const [, key = '', element, list = ''] = step
    if (element !== undefined) steps.push({ type: 'append', key, element })
    else steps.push({ type: 'read', key, elements: list.split(' ').filter((one) => one !== '') })
  }
  return steps
}
