import type { Answer, Call, Register } from './register.ts'

/** An answer that is still to be explained. */
export interface Unexplained {
  readonly call: Call
  readonly answer: Answer
}

/**
 * Whether any of `answers` could show that the key, by `change`, which nobody was told of, became
 * `register`: directly, or after more of the `unseen` changes. May say yes too often, never no too
 * often. It is what keeps the search from trying every choice of unseen changes before every
 * answer.
 */
export function canShow(
  change: Call,
  register: Register,
  answers: readonly Unexplained[],
  unseen: readonly Call[]
): boolean {
  // A conditional change may stand between, if this revision can be the one it names.
  if (unseen.some((call) => meets(register, call))) return true
  return answers.some((unexplained) => {
    const { call, answer } = unexplained
    if ('revision' in answer && answer.revision > 0 && answer.revision < register.low) return false
    // A touch leaves nothing but a revision: only what names the one the key has can tell of it.
    const names = answer.type === 'value' || answer.type === 'conflict' || meets(register, call)
    return (change.type !== 'touch' || names) && shows(unexplained, register, unseen)
  })
}

function shows(
  { call, answer }: Unexplained,
  register: Register,
  unseen: readonly Call[]
): boolean {
  // An unseen delete that follows would undo this change: the search leaves both out instead.
  const isAbsent = register.value === undefined
  switch (answer.type) {
    case 'absent':
      return isAbsent
    case 'conflict':
      return answer.revision === 0 ? isAbsent : canBePresent(register, unseen)
    case 'written':
      if (call.type === 'touch') return canBePresent(register, unseen)
      return call.type === 'put' && writtenShows(call.ifRevision, register, isAbsent)
    case 'deleted':
      return canBePresent(register, unseen)
    case 'value':
      return canBecome(register.value, answer.value, unseen)
    case 'counted':
      return call.type === 'increment' && canCount(register, answer.value - call.by, unseen)
    case 'not-a-number':
      return true
  }
}

function meets(register: Register, call: Call): boolean {
  if (call.type === 'get' || call.ifRevision === undefined) return false
  if (call.ifRevision === 0) return register.value === undefined
  return register.value !== undefined && call.ifRevision >= register.low
}

/** A blind write shows nothing of what it covers. */
function writtenShows(
  ifRevision: number | undefined,
  register: Register,
  isAbsent: boolean
): boolean {
  if (ifRevision === undefined) return false
  return ifRevision === 0 ? isAbsent : ifRevision >= register.low && !isAbsent
}

function canBePresent(register: Register, unseen: readonly Call[]): boolean {
  return register.value !== undefined || unseen.some(({ type }) => type === 'increment')
}

function canCount(register: Register, before: number, unseen: readonly Call[]): boolean {
  if (before === 0 && register.value === undefined) return true
  return canBecome(register.value, String(before), unseen)
}

/** Whether unseen increments may lead from `value` to `target`. */
function canBecome(value: string | undefined, target: string, unseen: readonly Call[]): boolean {
  if (value === target) return true
  const distance = Number(target) - Number(value ?? 0)
  if (!Number.isSafeInteger(distance)) return false
  let least = 0
  let most = 0
  for (const call of unseen) {
    if (call.type !== 'increment') continue
    if (call.by < 0) least += call.by
    else most += call.by
  }
  return distance >= least && distance <= most
}
