/** What the protocol does; each rule can be left out, to see what it is good for. */
export interface Rules {
  /** ABORT of what is not known leaves an ABORTED memo. */
  readonly tombstone: boolean
  /** Unless its basis is too old for that: then it is gone, for CREATE would be refused, too. */
  readonly tombstoneFits: boolean
  /** Groups remember decisions until the client acknowledges them. */
  readonly memo: boolean
  /** RESOLVE leaves a memo where nothing is prepared, too. */
  readonly earlyMemo: boolean
  /** PREPARE that was refused stays refused. */
  readonly refusalMemo: boolean
  /** CREATE whose own part is refused leaves an ABORTED memo. */
  readonly createRefusedIsAborted: boolean
  /** CREATE and PREPARE of what was acknowledged are refused. */
  readonly ackFence: boolean
  /** CREATE and PREPARE are refused by a group that may have forgotten their session. */
  readonly basisFence: boolean
  /** All copies bear the same basis. */
  readonly sameBasis: boolean
  /** A session stays while it has a part or a record. */
  readonly pinned: boolean
  /** "It is gone" lets an intent that is still there be removed. */
  readonly goneAborts: boolean
  /** Others hear what was decided; a CREATE refused by the rules of sessions is no decision. */
  readonly resolveDecided: boolean
  /** COMMIT changes a PENDING record only. */
  readonly commitIsCas: boolean
  /** And only one created in the coordinator's own term. */
  readonly termCas: boolean
  /** Nothing is told aborted before ABORT was applied. */
  readonly tellAfterAbort: boolean
  /** FORGET comes after every RESOLVE was applied. */
  readonly forgetLast: boolean
  /** RESOLVE is for the part of its own transaction. */
  readonly namesDiffer: boolean
  /** A read that meets an intent whose record is absent reads again. */
  readonly rereadAbsent: boolean
  /** A group with a part or a record has room for its memo. */
  readonly roomReserved: boolean
  /** ABORT that finds no room for its memo answers nothing. */
  readonly fullIsNoAnswer: boolean
  /** CREATE looks whether its idempotency key has an answer. */
  readonly asksKey: boolean
  /** And whether another transaction with this key is under way. */
  readonly asksUnderWay: boolean
  /** The answer of the key is kept by COMMIT itself, not later. */
  readonly answerWithCommit: boolean
  /** CREATE that is refused because of its key leaves an ABORTED memo. */
  readonly keyRefusedIsAborted: boolean
  /** CREATE does not run after the time from which its key may be forgotten. */
  readonly lateRefused: boolean
  /** An answer without a write is kept only if the key has none, and nothing is under way. */
  readonly otherwiseAsks: boolean
  /** And is told as what the key then has. */
  readonly otherwiseKept: boolean
}

export const RULES: Rules = {
  tombstone: true,
  tombstoneFits: true,
  memo: true,
  earlyMemo: true,
  refusalMemo: true,
  createRefusedIsAborted: true,
  ackFence: true,
  basisFence: true,
  sameBasis: true,
  pinned: true,
  goneAborts: true,
  resolveDecided: true,
  commitIsCas: true,
  termCas: true,
  tellAfterAbort: true,
  forgetLast: true,
  namesDiffer: true,
  rereadAbsent: true,
  roomReserved: true,
  fullIsNoAnswer: true,
  asksKey: true,
  asksUnderWay: true,
  answerWithCommit: true,
  keyRefusedIsAborted: true,
  lateRefused: true,
  otherwiseAsks: true,
  otherwiseKept: true
}

/** What may happen besides one coordinator at work. */
export interface Weather {
  /** Participants beside the anchor. */
  readonly others: number
  /** The request reaches two leaders of the anchor, in either order, early or late. */
  readonly secondLeader?: boolean
  /** The client tries again, under the next number, after it was told of an abort. */
  readonly again?: boolean
  /** Sessions are evicted, once in each group. */
  readonly evictions?: boolean
  /** A part can be refused: a check does not hold. */
  readonly refusals?: boolean
  /** Session tables can be full at any time. */
  readonly full?: boolean
  /**
   * The second request is the first one again, of another session, at any time: both bear one
   * idempotency key, whose group is the anchor. Either may also end without a write.
   */
  readonly repeat?: boolean
  /**
   * Clients neither give up nor acknowledge, and coordinators do not die but by doing nothing more:
   * that is searched in other weather, and leaves room for more of this.
   */
  readonly patient?: boolean
  /** The anchor has the record and no key of the transaction: its part is in nobody's way. */
  readonly idleAnchor?: boolean
  /** The idempotency key can be forgotten, once its time is over. */
  readonly forgets?: boolean
  /** Somebody reads the other participant's key, then the anchor's. */
  readonly reader?: boolean
}

export type Outcome = 'C' | 'A'

/** By name, whose transaction it is, or that nothing was written. */
export type Kept = number
export const OTHERWISE: Kept = 2
export const NO_ANSWER: Kept = -1

/** A group, as far as the transactions of one session go. */
export interface Place {
  /** Whose part is prepared here; -1: nobody's. */
  readonly part: number
  /** By name. */
  readonly memos: readonly (Outcome | '-')[]
  /** By name: a RESOLVE was applied here. */
  readonly resolved: readonly boolean[]
  /** By name: acknowledged. */
  readonly acked: readonly boolean[]
  /**
   * How often the session was evicted. A basis is the era it was taken in: of an earlier one, it
   * is further back than any session that is held now was opened.
   */
  readonly era: number
  /** By name: how often the write took effect. */
  readonly applied: readonly number[]
}

/** `o`: prepared, `r`: refused, and nothing is decided by that. */
export type Reply = 'o' | 'r' | '-'

export interface Coordinator {
  /** idle, preparing, committing, aborting, or out: done or dead. */
  readonly phase: 'i' | 'p' | 'c' | 'a' | '.'
  /** By group; the anchor's is CREATE's. */
  readonly replies: readonly Reply[]
  /** By group: the basis its messages bear. */
  readonly bases: readonly number[]
}

export interface Reader {
  readonly step: number
  /** Begun after the client knew of the commit. */
  readonly late: boolean
  /** The old value, while the record of the intent it met is asked. */
  readonly met: { readonly name: number; readonly applied: number } | undefined
  readonly saw: readonly number[]
}

export interface Entry {
  readonly state: '-' | 'P' | Outcome
  /** Whose CREATE it was, which stands for the term; -1: nobody's. */
  readonly term: number
}

export interface State {
  readonly places: readonly Place[]
  /** At the anchor, by name. */
  readonly records: readonly Entry[]
  readonly coordinators: readonly Coordinator[]
  /** Messages under way, for good: sorted names. */
  readonly sent: readonly string[]
  /**
   * By name: the client waits, was told, gave up (U), or has not asked; or was told what its
   * idempotency key has: the other's commit (K), or that nothing was written (E).
   */
  readonly told: readonly ('-' | 'w' | Outcome | 'U' | 'K' | 'E')[]
  readonly reader: Reader
  /** What the idempotency key is answered with. */
  readonly kept: Kept
  /** Its time is over. */
  readonly late: boolean
}

export const FIRST = 0
export const SECOND = 1
export const NAMES: readonly number[] = [FIRST, SECOND]
export const NO_RECORD: Entry = { state: '-', term: -1 }
/** Coordinators 0 and 1 are two leaders of the anchor with one request, 2 has the second one. */
export const nameOf = (c: number): number => (c === 2 ? SECOND : FIRST)

/** Who stands for whoever made the copy: all copies of a name that bear the same basis. */
export const firstOf = (name: number): number => (name === SECOND ? 2 : 0)

export function send(state: State, ...messages: readonly string[]): State {
  const fresh = messages.filter((message) => !state.sent.includes(message))
  return fresh.length === 0 ? state : { ...state, sent: [...state.sent, ...fresh].sort() }
}

export function changed(state: State, at: number, change: Partial<Place>): State {
  return { ...state, places: state.places.with(at, { ...(state.places[at] as Place), ...change }) }
}

export function recorded(state: State, name: number, record: Entry): State {
  return { ...state, records: state.records.with(name, record) }
}

export function phased(state: State, c: number, phase: Coordinator['phase']): State {
  const before = state.coordinators[c] as Coordinator
  // What it heard means nothing any more.
  const replies = phase === 'p' ? before.replies : before.replies.map(() => '-' as const)
  return { ...state, coordinators: state.coordinators.with(c, { ...before, phase, replies }) }
}

export function replied(state: State, c: number, at: number, reply: Reply): State {
  const before = state.coordinators[c] as Coordinator
  if (before.phase !== 'p' || before.replies[at] !== '-') return state
  const coordinator = { ...before, replies: before.replies.with(at, reply) }
  return { ...state, coordinators: state.coordinators.with(c, coordinator) }
}

/** The client hears of this request, if it still waits. */
export function told(state: State, name: number, outcome: Outcome | 'U' | 'K' | 'E'): State {
  return state.told[name] === 'w' ? { ...state, told: state.told.with(name, outcome) } : state
}

/** A coordinator that still works hears of the decision: so do the client and the others. */
export function decided(state: State, c: number, outcome: Outcome): State {
  const name = nameOf(c)
  return send(told(phased(state, c, '.'), name, outcome), `resolve ${name} ${outcome}`)
}

/** What the idempotency key has, as the one who asks for `name` is told. */
export function keptAs(kept: Kept, name: number): Outcome | 'K' | 'E' {
  if (kept === OTHERWISE) return 'E'
  return kept === name ? 'C' : 'K'
}

/** A coordinator that still works hears of an answer of its key: its name never runs. */
export function knows(state: State, c: number, kept: Kept): State {
  const name = nameOf(c)
  return send(told(phased(state, c, '.'), name, keptAs(kept, name)), `resolve ${name} A`)
}

export function seen(reader: Reader, value: number): Reader {
  return { ...reader, step: reader.step + 1, met: undefined, saw: [...reader.saw, value] }
}

export function keyOf(state: State): string {
  const { places, records, coordinators, sent, told: known, reader } = state
  let key = `${sent.join()}|${known.join('')}|${state.kept}${state.late ? 'l' : ''}|`
  for (const { part, memos, resolved, acked, era, applied } of places) {
    key += `${part} ${memos.join('')}${resolved.map(Number).join('')}`
    key += `${acked.map(Number).join('')}${era}`
    key += `${applied.join('')},`
  }
  for (const { state, term } of records) key += `${state}${term}`
  for (const { phase, replies, bases } of coordinators) {
    key += `|${phase}${replies.join('')}${bases.join('')}`
  }
  const { step, late, met, saw } = reader
  return `${key}|${step}${late}${met?.name}${met?.applied}${saw.join('')}`
}
