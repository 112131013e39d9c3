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
  fullIsNoAnswer: true
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
  /** Somebody reads the other participant's key, then the anchor's. */
  readonly reader?: boolean
}

export type Outcome = 'C' | 'A'

/** A group, as far as the transactions of one session go. */
export interface Place {
  /** Whose part is prepared here; -1: nobody's. */
  readonly part: number
  /** By name. */
  readonly memos: readonly (Outcome | '-')[]
  /** By name: a RESOLVE was applied here. */
  readonly resolved: readonly boolean[]
  /** Names below it are acknowledged. */
  readonly acked: number
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
  /** By name: the client waits, was told, gave up (U), or has not asked. */
  readonly told: readonly ('-' | 'w' | Outcome | 'U')[]
  readonly reader: Reader
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
export function told(state: State, name: number, outcome: Outcome | 'U'): State {
  return state.told[name] === 'w' ? { ...state, told: state.told.with(name, outcome) } : state
}

/** A coordinator that still works hears of the decision: so do the client and the others. */
export function decided(state: State, c: number, outcome: Outcome): State {
  const name = nameOf(c)
  return send(told(phased(state, c, '.'), name, outcome), `resolve ${name} ${outcome}`)
}

export function seen(reader: Reader, value: number): Reader {
  return { ...reader, step: reader.step + 1, met: undefined, saw: [...reader.saw, value] }
}

export function keyOf({ places, records, coordinators, sent, told: known, reader }: State): string {
  let key = `${sent.join()}|${known.join('')}|`
  for (const { part, memos, resolved, acked, era, applied } of places) {
    key += `${part} ${memos.join('')}${resolved.map(Number).join('')}${acked}${era}`
    key += `${applied.join('')},`
  }
  for (const { state, term } of records) key += `${state}${term}`
  for (const { phase, replies, bases } of coordinators) {
    key += `|${phase}${replies.join('')}${bases.join('')}`
  }
  const { step, late, met, saw } = reader
  return `${key}|${step}${late}${met?.name}${met?.applied}${saw.join('')}`
}
