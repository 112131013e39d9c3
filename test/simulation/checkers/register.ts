/** What a client asked of one key. `ifRevision` 0 means: only if there is no such key. */
export type Call =
  | { readonly type: 'get' }
  | { readonly type: 'put'; readonly value: string; readonly ifRevision?: number }
  | { readonly type: 'delete'; readonly ifRevision?: number }
  | { readonly type: 'increment'; readonly by: number; readonly ifRevision?: number }
  /** A new revision of the same value. */
  | { readonly type: 'touch'; readonly ifRevision?: number }

/** What it was told. `conflict` carries the revision the key has; 0 when it is absent. */
export type Answer =
  | { readonly type: 'value'; readonly value: string; readonly revision: number }
  | { readonly type: 'absent' }
  | { readonly type: 'written'; readonly revision: number }
  | { readonly type: 'deleted'; readonly revision: number }
  | { readonly type: 'counted'; readonly value: number; readonly revision: number }
  | { readonly type: 'conflict'; readonly revision: number }
  | { readonly type: 'not-a-number' }

/**
 * What one key may be, by the public contract. A change whose outcome nobody learned leaves a
 * revision nobody knows yet: `revision` is then undefined until an answer tells it, and it is at
 * least `low`. An absent key has revision 0. Invariant: every change there was had a revision <=
 * `low`, if known, and the next one has a larger one.
 */
export interface Register {
  readonly value: string | undefined
  readonly revision: number | undefined
  readonly low: number
}

export const EMPTY: Register = { value: undefined, revision: 0, low: 0 }

/**
 * The register after `call` took effect and was answered with `answer`; undefined when a correct
 * one could not have answered so. The very same object when nothing was changed or learned.
 */
export function step(register: Register, call: Call, answer: Answer): Register | undefined {
  if (answer.type === 'conflict') {
    const expected = call.type === 'get' ? undefined : call.ifRevision
    if (expected === undefined || expected === answer.revision) return undefined
    return learn(register, answer.revision)
  }
  const met = condition(register, call)
  if (met === undefined) return undefined
  switch (call.type) {
    case 'get':
      return stepGet(met, answer)
    case 'put':
      return answer.type === 'written' ? written(met, call.value, answer.revision) : undefined
    case 'delete':
      return stepDelete(met, answer)
    case 'increment':
      return stepIncrement(met, call.by, answer)
    case 'touch':
      return stepTouch(met, answer)
  }
}

/** The register after `call` took effect unseen; undefined when it would have changed nothing. */
export function stepUnseen(register: Register, call: Call): Register | undefined {
  const met = condition(register, call)
  if (met === undefined) return undefined
  const low = met.low + 1
  switch (call.type) {
    case 'get':
      return undefined
    case 'put':
      return { value: call.value, revision: undefined, low }
    case 'delete':
      return met.value === undefined ? undefined : { value: undefined, revision: 0, low }
    case 'increment': {
      const sum = added(met.value, call.by)
      return sum === undefined ? undefined : { value: String(sum), revision: undefined, low }
    }
    case 'touch':
      return met.value === undefined ? undefined : { value: met.value, revision: undefined, low }
  }
}

function stepGet(register: Register, answer: Answer): Register | undefined {
  if (answer.type === 'absent') return register.value === undefined ? register : undefined
  if (answer.type !== 'value' || register.value !== answer.value) return undefined
  return learn(register, answer.revision)
}

function stepDelete(register: Register, answer: Answer): Register | undefined {
  if (answer.type === 'absent') return register.value === undefined ? register : undefined
  if (answer.type !== 'deleted' || register.value === undefined) return undefined
  return answer.revision > register.low
    ? { value: undefined, revision: 0, low: answer.revision }
    : undefined
}

function stepIncrement(register: Register, by: number, answer: Answer): Register | undefined {
  const sum = added(register.value, by)
  if (answer.type === 'not-a-number') return sum === undefined ? register : undefined
  if (answer.type !== 'counted' || sum !== answer.value) return undefined
  return written(register, String(sum), answer.revision)
}

function stepTouch(register: Register, answer: Answer): Register | undefined {
  if (register.value === undefined) return answer.type === 'absent' ? register : undefined
  return answer.type === 'written' ? written(register, register.value, answer.revision) : undefined
}

function written(register: Register, value: string, revision: number): Register | undefined {
  return revision > register.low ? { value, revision, low: revision } : undefined
}

function condition(register: Register, call: Call): Register | undefined {
  if (call.type === 'get' || call.ifRevision === undefined) return register
  return learn(register, call.ifRevision)
}

/** The register, now known to be at `revision`; undefined when it cannot be. */
function learn(register: Register, revision: number): Register | undefined {
  if (register.value === undefined) return revision === 0 ? register : undefined
  if (register.revision !== undefined) return register.revision === revision ? register : undefined
  return revision >= register.low ? { value: register.value, revision, low: revision } : undefined
}

/** Undefined: there is no number, or the sum is not a safe integer. */
function added(value: string | undefined, by: number): number | undefined {
  if (value !== undefined && !/^(0|-?[1-9]\d*)$/.test(value)) return undefined
  const before = value === undefined ? 0 : Number(value)
  const after = before + by
  return Number.isSafeInteger(before) && Number.isSafeInteger(after) ? after : undefined
}
