/** What the protocol does; each rule can be left out, to see what it is good for. */
export interface Rules {
  /** ABORT-IF-PENDING that finds neither record nor memo writes an ABORTED record. */
  readonly tombstone: boolean
  /** Partitions remember outcomes until the client acknowledges them. */
  readonly memo: boolean
  /** CREATE and PREPARE of what was acknowledged are refused. */
  readonly ackFence: boolean
  /** CREATE and PREPARE at a partition that forgot the session are refused. */
  readonly evictionFence: boolean
  /** "It was acknowledged or evicted" lets an intent that is still there be removed. */
  readonly goneAborts: boolean
  /** COMMIT changes a PENDING record only. */
  readonly commitIsCas: boolean
  /** Nothing is told aborted before ABORT was applied. */
  readonly tellAfterAbort: boolean
  /** FORGET comes after every resolve was applied. */
  readonly forgetLast: boolean
  /** A resolve is for the intent of its own attempt. */
  readonly attemptsDiffer: boolean
  /** A read that meets an intent whose record is absent reads again. */
  readonly rereadAbsent: boolean
  /** Whoever takes over from a coordinator aborts what is PENDING, and never prepares. */
  readonly successorAborts: boolean
}

export const RULES: Rules = {
  tombstone: true,
  memo: true,
  ackFence: true,
  evictionFence: true,
  goneAborts: true,
  commitIsCas: true,
  tellAfterAbort: true,
  forgetLast: true,
  attemptsDiffer: true,
  rereadAbsent: true,
  successorAborts: true
}

/** What may happen besides one coordinator at work. */
export interface Weather {
  /** Partitions beside the anchor. */
  readonly others: number
  /** Another coordinator takes the same attempt over. */
  readonly takeover?: boolean
  /** The client tries again after it was told of an abort. */
  readonly secondAttempt?: boolean
  readonly evictions?: boolean
  /** Somebody reads the other partition's key, then the anchor's. */
  readonly reader?: boolean
}

export type Outcome = 'C' | 'A'
export interface Place {
  /** The attempt whose intent stands here; -1: none. */
  readonly intent: number
  /** By attempt. */
  readonly memos: readonly (Outcome | '-')[]
  /** By attempt: a resolve was applied here. */
  readonly resolved: readonly boolean[]
  readonly acked: boolean
  readonly evicted: boolean
  /** How often the write took effect. */
  readonly applied: number
}

export interface Coordinator {
  /** idle, preparing, committing, aborting, or out: done or dead. */
  readonly phase: 'i' | 'p' | 'c' | 'a' | '.'
  /** ok, refused or nothing yet; by partition, the anchor's is CREATE's. */
  readonly replies: readonly ('o' | 'r' | '-')[]
}

export interface Reader {
  readonly step: number
  /** Begun after the client knew of the commit. */
  readonly late: boolean
  /** The old value, while the record of the intent it met is asked. */
  readonly met: { readonly attempt: number; readonly applied: number } | undefined
  readonly saw: readonly number[]
}

export interface State {
  readonly places: readonly Place[]
  /** At the anchor, by attempt. */
  readonly records: readonly ('-' | 'P' | Outcome)[]
  readonly coordinators: readonly Coordinator[]
  /** Messages under way, for good: sorted names. */
  readonly sent: readonly string[]
  /** The client waits, was told, or gave up (U); `attempt` is the one it asked for last. */
  readonly client: 'w' | Outcome | 'U'
  readonly attempt: number
  readonly acking: boolean
  readonly reader: Reader
}

export const FIRST = 0
export const SECOND = 1
export const ATTEMPTS: readonly number[] = [FIRST, SECOND]
/** Coordinator 0 runs the first attempt, 1 takes it over, 2 runs the second. */
export const attemptOf = (c: number): number => (c === 2 ? SECOND : FIRST)

export function send(state: State, ...messages: readonly string[]): State {
  const fresh = messages.filter((message) => !state.sent.includes(message))
  return fresh.length === 0 ? state : { ...state, sent: [...state.sent, ...fresh].sort() }
}

export function changed(state: State, at: number, change: Partial<Place>): State {
  return { ...state, places: state.places.with(at, { ...(state.places[at] as Place), ...change }) }
}

export function recorded(state: State, attempt: number, record: '-' | 'P' | Outcome): State {
  return { ...state, records: state.records.with(attempt, record) }
}

export function phased(state: State, c: number, phase: Coordinator['phase']): State {
  const { replies } = state.coordinators[c] as Coordinator
  // What it heard means nothing any more.
  const heard = phase === 'p' ? replies : replies.map(() => '-' as const)
  return { ...state, coordinators: state.coordinators.with(c, { phase, replies: heard }) }
}

export function replied(state: State, c: number, at: number, reply: 'o' | 'r'): State {
  const { phase, replies } = state.coordinators[c] as Coordinator
  if (phase !== 'p' || replies[at] !== '-') return state
  const coordinator = { phase, replies: replies.with(at, reply) }
  return { ...state, coordinators: state.coordinators.with(c, coordinator) }
}

/** The client hears of its attempt, if it still waits and this is the one it waits for. */
export function told(state: State, c: number, outcome: Outcome | 'U'): State {
  if (state.client !== 'w' || attemptOf(c) !== state.attempt) return state
  return { ...state, client: outcome }
}

export function seen(reader: Reader, value: number): Reader {
  return { ...reader, step: reader.step + 1, met: undefined, saw: [...reader.saw, value] }
}
